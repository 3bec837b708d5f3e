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
import { lostOf } from './lost.ts';
import { startTraffic } from './traffic.ts';

const SOAK_MS = 60_000;

it('answers every call in a minute of kills, restarts and scaling', async () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-soak-'));
  const shop = await startShop({ home, longestRestartDelayMs: 500 });
  try {
    const url = `http://127.0.0.1:${shop.gatewayPort}`;
    const { email, password } = firstAdmin(shop);
    const random = seeded(1);
    const admin = await signIn(url, email, password);
    const world = await createWorld(url, admin, random.fork('world'));
    const { calls, stop } = startTraffic(world, admin, random);
    const changes = await keepChanging(shop, random.fork('changes'), SOAK_MS).finally(stop);
    expect(await untilQuiet(shop, 30_000)).toEqual([]);

    const retried = await readRetries(accessLogFile(shop.paths), 0);
    const failed = calls.failures.length;
    console.log('changes', changes, 'calls that failed', failed, 'calls that Envoys sent again', retried);
    console.table(Object.fromEntries([...calls.ms].map(([method, ms]) => [method, summaryOf(ms)])));
    expect(calls.failures).toEqual([]);
    expect(world.contradictions).toEqual([]);
    expect(await withDatabases(shop, (databases) => checkInvariants(databases, world))).toEqual([]);
    expect(await withDatabases(shop, (databases) => lostOf(calls, databases))).toEqual([]);

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
