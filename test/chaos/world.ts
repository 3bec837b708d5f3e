import { randomUUID } from 'node:crypto';
import { type Clients, euro, newCustomer, newProduct } from '../clients.ts';
import type { Given, RequestRecord, Wanted } from '../invariants/given.ts';
import type { Random } from '../random.ts';

/** A person who orders. */
export interface Customer {
  readonly userId: string;
  readonly clients: Clients;
}

/** The products and customers of a run, and what becomes of them. */
export interface World extends Given {
  readonly products: readonly string[];
  readonly customers: readonly Customer[];
  readonly requests: RequestRecord[];
  /** What clients read that can't be, after what they had been told. */
  readonly contradictions: string[];
}

/** Writes down a CreateOrder request under an id of its own, before it is sent: nothing is known of what comes of it. */
export function noteRequest(world: World, { userId }: Customer, lines: readonly Wanted[]): RequestRecord {
  const requestId = randomUUID();
  const record: RequestRecord = { requestId, userId, creation: 'unknown', cancelled: 'no', lines: [lines] };
  world.requests.push(record);
  return record;
}

/** Puts products in stock and gives customers credit, through the API. Some of both are soon used up. */
export async function createWorld(url: string, admin: Clients, random: Random): Promise<World> {
  const stock = new Map<string, number>();
  for (let n = 0; n < 16; n++) {
    const pieces = n < 4 ? 25 : random.integer(200, 5_000);
    const { id } = await newProduct(admin, random.integer(1, 20) * 100, pieces);
    stock.set(id, pieces);
  }
  const credit = new Map<string, number>();
  const customers: Customer[] = [];
  for (let n = 0; n < 6; n++) {
    const clients = await newCustomer(url);
    const userId = clients.user.id;
    const amount = n === 0 ? 50_000 : 10_000_000;
    await admin.wallets.grantCredit({ requestId: randomUUID(), userId, amount: euro(amount) });
    credit.set(userId, amount);
    customers.push({ userId, clients });
  }
  return { stock, credit, products: [...stock.keys()], customers, requests: [], contradictions: [] };
}
