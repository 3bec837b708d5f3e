import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { type Shop, startShop } from '../mesh/local/shop.ts';
import { readState } from '../mesh/local/state.ts';
import { createTally } from './chaos/tally.ts';
import { work } from './chaos/worker.ts';
import { type Customer, createWorld, type World } from './chaos/world.ts';
import { type Clients, euro, newCustomer, newProduct, signIn } from './clients.ts';
import { checkInvariants } from './invariants/check.ts';
import { withDatabases } from './invariants/databases.ts';
import { untilQuiet } from './invariants/quiet.ts';
import { seeded } from './random.ts';
import { firstAdmin } from './setup/first-admin.ts';

/** What services may take, in milliseconds, to write again after the primary was killed. */
const RECONNECT_MS = 10_000;
const patience = { timeout: 60_000, interval: 100 };

const untilSynchronous = (shop: Shop) =>
  vi.waitFor(() => expect(readState(shop.paths)?.synchronous).toBe(true), patience);

/** Calls again and again until it is answered; the milliseconds that it took. */
async function untilAnswered(call: () => Promise<unknown>): Promise<number> {
  const began = Date.now();
  for (;;) {
    try {
      await call();
      return Date.now() - began;
    } catch {
      await sleep(20);
    }
  }
}

/** A write to each service's database, by its name. */
async function writesOf(url: string, admin: Clients): Promise<Record<string, () => Promise<unknown>>> {
  const { user, orders } = await newCustomer(url);
  const { id } = await newProduct(admin, 100, 1_000);
  const credit = () =>
    admin.wallets.grantCredit({ requestId: randomUUID(), userId: user.id, amount: euro(10_000) });
  await credit();
  return {
    user: credit,
    product: () => newProduct(admin, 100, 1),
    order: () => orders.createOrder({ requestId: randomUUID(), lines: [{ productId: id, quantity: 1 }] }),
  };
}

it('a shop whose primary is killed under orders writes again in 10 s, and loses nothing, twice in a row', async () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-ha-'));
  const lines: string[] = [];
  const shop = await startShop({
    home,
    database: 'ha',
    settings: { user: { ACCESS_TOKEN_TTL_S: '7200' } },
    log: (line) => lines.push(line),
  });
  try {
    const url = `http://127.0.0.1:${shop.gatewayPort}`;
    const { email, password } = firstAdmin(shop);
    const admin = await signIn(url, email, password);
    const random = seeded(1);
    const tally = createTally();
    const world: World = await createWorld(url, admin, random.fork('world'));
    const writes = await writesOf(url, admin);
    let stopping = false;
    const working = world.customers.map((customer: Customer, n) =>
      work({ world, tally, random: random.fork(`worker ${n}`), customer, stopping: () => stopping }),
    );
    const placed = () => world.requests.filter(({ creation }) => creation === 'placed').length;

    for (let round = 1; round <= 2; round++) {
      await untilSynchronous(shop);
      const before = placed();
      await vi.waitFor(() => expect(placed()).toBeGreaterThan(before + 10), patience);
      expect(shop.kill('postgres')).toBe(true);
      const answers = Object.entries(writes).map(
        async ([service, write]) => [service, await untilAnswered(write)] as const,
      );
      const ms = Object.fromEntries(await Promise.all(answers));
      console.log(`round ${round}: milliseconds until writes are answered again`, ms);
      expect(Math.max(...Object.values(ms))).toBeLessThan(RECONNECT_MS);
    }
    await vi.waitFor(() => expect(placed()).toBeGreaterThan(50), patience);
    stopping = true;
    await Promise.all(working);
    expect(await untilQuiet(shop, 60_000)).toEqual([]);

    expect(lines.filter((line) => line === 'postgres-standby takes its place')).toHaveLength(2);
    expect(world.contradictions).toEqual([]);
    expect(tally.faults()).toEqual([]);
    expect(await withDatabases(shop, (databases) => checkInvariants(databases, world))).toEqual([]);
  } finally {
    await shop.stop();
  }
  // What went wrong is looked into there.
  rmSync(home, { recursive: true, force: true });
});
