import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError } from '@connectrpc/connect';
import { type Customer, noteRequest, type World } from '../chaos/world.ts';
import { linesKey, type RequestRecord } from '../invariants/given.ts';
import type { Random } from '../random.ts';

/** What clients saw. */
export interface Calls {
  /** All calls' milliseconds, by method. */
  readonly ms: Map<string, number[]>;
  /** What came back in place of an answer, one line each. */
  readonly failures: string[];
}

/** At least so long, in milliseconds, from one call of a client to its next: the load is bounded. */
const PACE_MS = 100;

/**
 * A client that browses, orders, looks at its orders and cancels them, until it is told to stop. It sends each call
 * once: whatever has to be tried again, the mesh tries again. So it makes none that the contract doesn't let be tried
 * again.
 */
export async function shopAround(
  world: World,
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
      calls.failures.push(`${method}: ${ConnectError.from(cause).message}`);
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

  while (!stopping()) {
    const next = Date.now() + PACE_MS;
    const chance = random.integer(1, 100);
    const last = own.at(-1);
    if (chance <= 25) await measured('ListProducts', () => products.listProducts({ pageSize: 10 }));
    else if (chance <= 50) {
      const productId = random.pick(world.products);
      await measured('GetProduct', () => products.getProduct({ productId }));
    } else if (chance <= 60) await measured('GetUser', () => users.getUser({}));
    else if (chance <= 80 || !last) await order();
    else if (chance <= 90) await look(last);
    else await cancel(last);
    await sleep(Math.max(0, next - Date.now()));
  }
}
