import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { findShop, type RunningShop } from '../../bench/load/running-shop.ts';
import { readConfig } from '../../mesh/local/config.ts';
import { down } from '../../mesh/local/down.ts';
import { freePort } from '../../mesh/local/free-port.ts';
import { signal } from '../../mesh/local/process-identity.ts';
import { createWorld } from '../chaos/world.ts';
import { signIn } from '../clients.ts';
import { checkInvariants } from '../invariants/check.ts';
import { withDatabases } from '../invariants/databases.ts';
import { untilQuiet } from '../invariants/quiet.ts';
import { seeded } from '../random.ts';
import { firstAdmin } from '../setup/first-admin.ts';
import { lostOf } from './lost.ts';
import { startTraffic } from './traffic.ts';

/** How long traffic goes on, in milliseconds, after each thing that is done to the shop. */
const MEANWHILE_MS = 2_000;

/** A launcher as `make up` starts it; resolves when all of the shop serves. */
async function makeUp(env: NodeJS.ProcessEnv): Promise<{ shop: RunningShop; kill: () => Promise<void> }> {
  const settings = Object.entries(env).map((one) => one.join('='));
  const launcher = spawn('env', [...settings, process.execPath, 'mesh/local/cli.ts', 'up'], {
    stdio: 'ignore',
  });
  const config = readConfig(env);
  const ownShop = () => {
    try {
      const shop = findShop(config);
      return shop.state().launcher.pid === launcher.pid ? shop : undefined;
    } catch {
      return undefined;
    }
  };
  await expect.poll(ownShop, { timeout: 60_000 }).toBeDefined();
  return {
    shop: ownShop() as RunningShop,
    kill: async () => {
      launcher.kill('SIGKILL');
      await once(launcher, 'exit');
    },
  };
}

it('answers every call when its launcher is killed, and what it runs after that', async () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-launcher-'));
  const env = { SOUK_HOME: home, GATEWAY_PORT: String(await freePort()), DASHBOARD_PORT: '0' };
  try {
    const first = await makeUp(env);
    const url = `http://${first.shop.address}`;
    const { email, password } = firstAdmin(first.shop);
    const random = seeded(1);
    const admin = await signIn(url, email, password);
    const world = await createWorld(url, admin, random.fork('world'));
    const { calls, stop } = startTraffic(world, admin, random);
    await sleep(MEANWHILE_MS);

    const { processes } = first.shop.state();
    await first.kill();
    await sleep(MEANWHILE_MS);
    // Nobody starts these again: of each service one instance is left.
    for (const victim of ['product-2', 'order-1-sidecar', 'user-1']) {
      const found = processes.find(({ name }) => name === victim);
      expect(found && signal(found, 'SIGKILL')).toBe(true);
      await sleep(MEANWHILE_MS);
    }
    expect(calls.failures).toEqual([]);

    // The next launcher ends what it finds and starts all of it anew: meanwhile nobody answers.
    const away = { from: Date.now(), to: 0 };
    const second = await makeUp(env);
    away.to = Date.now();
    await sleep(MEANWHILE_MS);
    const killed = second.shop.state().processes.find(({ name }) => name === 'order-2');
    expect(killed && signal(killed, 'SIGKILL')).toBe(true);
    await sleep(MEANWHILE_MS);
    await stop();

    const during = calls.failures.filter(({ began, ended }) => ended > away.from && began < away.to);
    const answered = [...calls.ms.values()].flat().length - calls.failures.length;
    console.log(`${answered} calls answered; away for ${away.to - away.from} ms, which ${during.length} met`);
    const others = calls.failures.filter((failure) => !during.includes(failure));
    if (others.length > 0) console.log('failed before or after that', others, away);
    expect(others).toEqual([]);
    expect(await untilQuiet(second.shop, 30_000)).toEqual([]);
    expect(world.contradictions).toEqual([]);
    expect(await withDatabases(second.shop, (databases) => checkInvariants(databases, world))).toEqual([]);
    expect(await withDatabases(second.shop, (databases) => lostOf(calls, databases))).toEqual([]);

    // That it was put to the test.
    const placed = world.requests.filter(({ creation }) => creation === 'placed');
    for (const made of [placed, calls.accounts, calls.products]) expect(made.length).toBeGreaterThan(1);
    expect(placed.length).toBeGreaterThan(20);
  } finally {
    await down(readConfig(env), () => {});
  }
  // What went wrong is looked into there.
  rmSync(home, { recursive: true, force: true });
});
