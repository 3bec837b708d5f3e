import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError } from '@connectrpc/connect';
import { type Customer, noteRequest, type World } from '../chaos/world.ts';
import { type Clients, euro } from '../clients.ts';
import { linesKey, type RequestRecord } from '../invariants/given.ts';
import type { Random } from '../random.ts';

/** A call without an answer: what came in its place, and when it was under way, in milliseconds since the epoch. */
export interface FailedCall {
  readonly what: string;
  readonly began: number;
  readonly ended: number;
}

/** What clients saw. */
export interface Calls {
  /** All calls' milliseconds, by method. */
  readonly ms: Map<string, number[]>;
  readonly failures: FailedCall[];
  /** Ids of the accounts that they were told are made. */
  readonly accounts: string[];
  /** The same of products. */
  readonly products: string[];
}

/** So many shop at the same time. */
const CLIENTS = 8;

/** At least so long, in milliseconds, from one call of a client to its next: the load is bounded. */
const PACE_MS = 100;

/** Lets clients shop in this world, where `admin` makes products, until the function `stop` is called and all is answered. */
export function startTraffic(
  world: World,
  admin: Clients,
  random: Random,
): { calls: Calls; stop: () => Promise<void> } {
  const calls: Calls = { ms: new Map(), failures: [], accounts: [], products: [] };
  // The first of both are soon used up, and a refusal would say nothing of the mesh.
  const plenty = { ...world, products: world.products.slice(4), customers: world.customers.slice(1) };
  let stopping = false;
  const clients = Array.from({ length: CLIENTS }, (_, n) => {
    const customer = plenty.customers[n % plenty.customers.length] as Customer;
    return shopAround(plenty, admin, customer, random.fork(`client ${n}`), calls, () => stopping);
  });
  return {
    calls,
    stop: async () => {
      stopping = true;
      await Promise.all(clients);
    },
  };
}

/**
 * A client that browses, orders, looks at its orders and cancels them, until it is told to stop; now and then an
 * account or a product is made. It sends each call once: whatever has to be tried again, the mesh tries again. So it
 * makes none that the contract doesn't let be tried again.
 */
async function shopAround(
  world: World,
  admin: Clients,
  customer: Customer,
  random: Random,
  calls: Calls,
  stopping: () => boolean,
): Promise<void> {
  const { products, orders, users } = customer.clients;
  const own: RequestRecord[] = [];

  async function measured<T>(method: string, call: () => Promise<T>): Promise<T | undefined> {
    const began = performance.now();
    try {
      return await call();
    } catch (cause) {
      const ended = Date.now();
      const what = `${method}: ${ConnectError.from(cause).message}`;
      calls.failures.push({ what, began: ended - (performance.now() - began), ended });
      return undefined;
    } finally {
      const ms = calls.ms.get(method) ?? [];
      calls.ms.set(method, ms);
      ms.push(performance.now() - began);
    }
  }

  async function order(): Promise<void> {
    const lines = [{ productId: random.pick(world.products), quantity: 1 }];
    const record = noteRequest(world, customer, lines);
    const { requestId } = record;
    const answer = await measured('CreateOrder', () => orders.createOrder({ requestId, lines }));
    if (!answer?.order) return;
    record.creation = 'placed';
    record.orderId = answer.order.id;
    own.push(record);
  }

  async function look({ orderId = '', lines }: RequestRecord): Promise<void> {
    const answer = await measured('GetOrder', () => orders.getOrder({ orderId }));
    if (answer?.order && linesKey(answer.order.lines) !== linesKey(lines[0] ?? []))
      world.contradictions.push(`GetOrder ${orderId}: other lines`);
  }

  async function cancel(record: RequestRecord): Promise<void> {
    own.splice(own.indexOf(record), 1);
    record.cancelled = 'maybe';
    const { orderId = '' } = record;
    if (await measured('CancelOrder', () => orders.cancelOrder({ orderId }))) record.cancelled = 'yes';
  }

  async function register(): Promise<void> {
    const requestId = randomUUID();
    const person = {
      email: `${requestId}@example.com`,
      password: 'correct horse battery',
      displayName: 'Ada',
    };
    const answer = await measured('Register', () => users.register({ requestId, ...person }));
    if (answer?.user) calls.accounts.push(answer.user.id);
  }

  async function addProduct(): Promise<void> {
    const product = { requestId: randomUUID(), name: 'A lamp of a soak', price: euro(100) };
    const answer = await measured('CreateProduct', () => admin.products.createProduct(product));
    if (answer?.product) calls.products.push(answer.product.id);
  }

  while (!stopping()) {
    const next = Date.now() + PACE_MS;
    const chance = random.integer(1, 100);
    const last = own.at(-1);
    if (chance <= 25) await measured('ListProducts', () => products.listProducts({ pageSize: 10 }));
    else if (chance <= 50) {
      const productId = random.pick(world.products);
      await measured('GetProduct', () => products.getProduct({ productId }));
    } else if (chance <= 57) await measured('GetUser', () => users.getUser({}));
    else if (chance <= 58) await register();
    else if (chance <= 60) await addProduct();
    else if (chance <= 80 || !last) await order();
    else if (chance <= 90) await look(last);
    else await cancel(last);
    await sleep(Math.max(0, next - Date.now()));
  }
}
