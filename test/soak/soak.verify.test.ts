import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRetries } from '../../bench/load/shop-use.ts';
import { accessLogFile } from '../../mesh/local/gateway.ts';
import { startShop } from '../../mesh/local/shop.ts';
import { createWorld } from '../chaos/world.ts';
import { signIn } from '../clients.ts';
import { checkInvariants } from '../invariants/check.ts';
import { withDatabases } from '../invariants/databases.ts';
import { untilQuiet } from '../invariants/quiet.ts';
import { seeded } from '../random.ts';
import { firstAdmin } from '../setup/first-admin.ts';
import { keepChanging } from './changes.ts';
import { type Calls, shopAround } from './traffic.ts';

const SOAK_MS = 60_000;
const CLIENTS = 8;

it('answers every call in a minute of kills, restarts and scaling', async () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-soak-'));
  const shop = await startShop({ home, longestRestartDelayMs: 500 });
  try {
    const url = `http://127.0.0.1:${shop.gatewayPort}`;
    const { email, password } = firstAdmin(shop);
    const random = seeded(1);
    const world = await createWorld(url, await signIn(url, email, password), random.fork('world'));
    // The first of both are soon used up, and a refusal would say nothing of the mesh.
    const plenty = { ...world, products: world.products.slice(4), customers: world.customers.slice(1) };
    const calls: Calls = { ms: new Map(), failures: [] };
    let stopping = false;
    const clients = Array.from({ length: CLIENTS }, (_, n) =>
      shopAround(
        plenty,
        plenty.customers[n % plenty.customers.length] as (typeof plenty.customers)[number],
        random.fork(`client ${n}`),
        calls,
        () => stopping,
      ),
    );
    const changes = await keepChanging(shop, random.fork('changes'), SOAK_MS).finally(() => {
      stopping = true;
    });
    await Promise.all(clients);
    expect(await untilQuiet(shop, 30_000)).toEqual([]);

    const retried = await readRetries(accessLogFile(shop.paths), 0);
    console.log('changes', changes, 'calls that Envoys sent again', retried);
    console.table(Object.fromEntries([...calls.ms].map(([method, ms]) => [method, summaryOf(ms)])));
    expect(calls.failures).toEqual([]);
    expect(world.contradictions).toEqual([]);
    expect(await withDatabases(shop, (databases) => checkInvariants(databases, world))).toEqual([]);

    // That it was put to the test.
    expect(changes.kill).toBeGreaterThanOrEqual(5);
    expect(Math.min(...Object.values(changes))).toBeGreaterThanOrEqual(1);
    expect(Object.keys(retried).length).toBeGreaterThanOrEqual(1);
    expect([...calls.ms.values()].flat().length).toBeGreaterThan(2_000);
  } finally {
    await shop.stop();
  }
  // What went wrong is looked into there.
  rmSync(home, { recursive: true, force: true });
});

/** How many, and milliseconds. */
function summaryOf(ms: readonly number[]) {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0);
  return { calls: ms.length, p50: at(0.5), p99: at(0.99), slowest: at(1) };
}
