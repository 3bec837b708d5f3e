import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, type Database } from '../../platform/db/database.ts';
import { isConnectionFailure } from '../../platform/db/errors.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { clusterFolder, readLead, writeLead } from './clusters.ts';
import { type DataTier, startDataTier } from './data-tier.ts';
import { databaseUrl } from './databases.ts';
import { loopback } from './free-port.ts';
import { childrenOf } from './memory.ts';
import { pathsIn, prepareFolders } from './paths.ts';
import { identify, isAlive, signal } from './process-identity.ts';
import { secretsIn } from './secrets.ts';
import { serviceDatabase } from './service-environment.ts';

const paths = pathsIn(mkdtempSync(join(tmpdir(), 'souk-pair-')));
prepareFolders(paths);
const secrets = secretsIn(paths.secrets);
const patience = { timeout: 60_000, interval: 20 };
const lines: string[] = [];

const start = (topology: 'single' | 'ha' = 'ha') =>
  startDataTier(
    { paths, secrets, durable: false, topology },
    { changed: () => {}, log: (line) => lines.push(line), longestDelayMs: 500 },
  );
let tier: DataTier;
beforeAll(async () => {
  tier = await start();
  const { sql } = open();
  await sql`create table kept (id int primary key)`;
});
afterEach(closeAll);
afterAll(async () => {
  await closeAll();
  await tier.stop();
  rmSync(paths.home, { recursive: true, force: true });
});

const opened: Database[] = [];
async function closeAll() {
  await Promise.all(opened.splice(0).map((database) => database.close()));
}

/** A service's way to its database, by both ports. */
function open() {
  const ports = [tier.port, tier.standby?.port].filter((port) => port !== undefined);
  const url = databaseUrl(ports, serviceDatabase(secrets, 'order'));
  const database = connect(
    { DATABASE_URL: url, DATABASE_POOL_SIZE: 4, INSTANCE: 'writer' },
    createLogger({ service: 's', instance: 'i', level: 'silent' }),
  );
  opened.push(database);
  return database;
}

let next = 0;
/** All that was ever acknowledged. */
const acknowledged = new Set<number>();

/** Writes rows without a pause until it is stopped, and tells what failed. */
function steadyWrites() {
  const { sql } = open();
  const failures: unknown[] = [];
  let stopping = false;
  const worker = async () => {
    while (!stopping) {
      const id = next++;
      try {
        await sql`insert into kept values (${id})`;
        acknowledged.add(id);
      } catch (error) {
        failures.push(error);
        await sleep(20);
      }
    }
  };
  const workers = [worker(), worker(), worker()];
  /** Waits until so many more are acknowledged. */
  const goOn = async (more = 100) => {
    const enough = acknowledged.size + more;
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(enough), patience);
  };
  const stop = async () => {
    stopping = true;
    await Promise.all(workers);
    return failures;
  };
  return { goOn, stop };
}

const pidOf = (part: Pick<DataTier, 'running'> | undefined) => part?.running()?.identity.pid as number;
const untilSynchronous = () => vi.waitFor(() => expect(tier.standby?.synchronous()).toBe(true), patience);

/** What was acknowledged and is not there. */
async function lost(): Promise<number[]> {
  const rows = await open().sql<{ id: number }[]>`select id from kept`;
  const there = new Set(rows.map(({ id }) => id));
  return [...acknowledged].filter((id) => !there.has(id));
}

describe.sequential('a pair of servers', { timeout: 120_000 }, () => {
  it('loses nothing that was acknowledged when the primary is killed, twice in a row', async () => {
    const ports = [tier.port, tier.standby?.port];
    const { goOn, stop } = steadyWrites();
    for (const heir of [ports[1], ports[0]]) {
      await untilSynchronous();
      await goOn();
      process.kill(pidOf(tier), 'SIGKILL');
      await vi.waitFor(() => expect(tier.port).toBe(heir), patience);
      await goOn();
    }
    await untilSynchronous();
    const failures = await stop();
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.filter((error) => !isConnectionFailure(error))).toEqual([]);
    expect(await lost()).toEqual([]);
  });

  it('goes on without a standby that is killed, fails no write for it, and has it back', async () => {
    await untilSynchronous();
    const { goOn, stop } = steadyWrites();
    await goOn();
    const { port, standby } = tier;
    process.kill(pidOf(standby), 'SIGKILL');
    // As long as its port is taken it can't come back.
    const squatter = createServer();
    await vi.waitFor(async () => {
      squatter.listen(standby?.port, loopback);
      await once(squatter, 'listening');
    }, patience);
    await vi.waitFor(() => expect(readLead(paths).standby).toBe('behind'), patience);
    await goOn(500);
    expect(tier.standby?.synchronous()).toBe(false);
    squatter.close();
    await untilSynchronous();
    await goOn();
    expect(await stop()).toEqual([]);
    expect(tier.port).toBe(port);
  });

  it('goes on without a standby that hangs, fails no write for it, and has it back', async () => {
    await untilSynchronous();
    const { goOn, stop } = steadyWrites();
    await goOn();
    const hanging = pidOf(tier.standby);
    for (const pid of [hanging, ...childrenOf(hanging)]) process.kill(pid, 'SIGSTOP');
    await vi.waitFor(() => expect(readLead(paths).standby).toBe('behind'), patience);
    await goOn();
    await untilSynchronous();
    expect(pidOf(tier.standby)).not.toBe(hanging);
    expect(await stop()).toEqual([]);
  });

  it('never promotes a standby that may lack something', async () => {
    await untilSynchronous();
    const { goOn, stop } = steadyWrites();
    const { port } = tier;
    process.kill(pidOf(tier.standby), 'SIGKILL');
    // It runs again, and nobody knows yet whether it has everything.
    await vi.waitFor(
      () => {
        expect(readLead(paths).standby).toBe('behind');
        expect(pidOf(tier.standby)).toBeDefined();
      },
      { ...patience, interval: 1 },
    );
    process.kill(pidOf(tier), 'SIGKILL');
    await goOn();
    expect(tier.port).toBe(port);
    await untilSynchronous();
    await stop();
    expect(await lost()).toEqual([]);
  });

  it('replaces a primary that hangs, whose processes are gone before the standby takes writes', async () => {
    await untilSynchronous();
    const { goOn, stop } = steadyWrites();
    await goOn();
    const hanging = pidOf(tier);
    const all = [hanging, ...childrenOf(hanging)].flatMap((pid) => identify(pid) ?? []);
    for (const one of all) signal(one, 'SIGSTOP');
    const { port } = tier;
    await vi.waitFor(() => expect(tier.port).not.toBe(port), patience);
    expect(all.filter(isAlive)).toEqual([]);
    await goOn();
    await untilSynchronous();
    await stop();
    expect(await lost()).toEqual([]);
  });

  it('starts again when both are killed at once', async () => {
    const { goOn, stop } = steadyWrites();
    await goOn();
    for (const part of [tier.standby, tier]) process.kill(pidOf(part), 'SIGKILL');
    await goOn();
    await untilSynchronous();
    await stop();
    expect(await lost()).toEqual([]);
  });
});

describe.sequential('a pair that is started again', { timeout: 120_000 }, () => {
  it('goes on with the cluster that was the primary’s, however often that changed', async () => {
    await untilSynchronous();
    const { primary } = readLead(paths);
    const { goOn, stop } = steadyWrites();
    process.kill(pidOf(tier), 'SIGKILL');
    await goOn();
    await stop();
    await untilSynchronous();
    await tier.stop();
    tier = await start();
    expect(readLead(paths).primary).not.toBe(primary);
    expect(tier.standby?.synchronous()).toBe(true);
    expect(await lost()).toEqual([]);
  });

  it('does so also after everything was killed, the launcher included', async () => {
    await tier.stop();
    const { primary } = readLead(paths);
    const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
    const program = `
      import { startDataTier } from ${module('data-tier.ts')};
      import { pathsIn } from ${module('paths.ts')};
      import { secretsIn } from ${module('secrets.ts')};
      const paths = pathsIn(${JSON.stringify(paths.home)});
      const pids = () => [tier, tier.standby].map((part) => part.running().identity.pid);
      const tier = await startDataTier(
        { paths, secrets: secretsIn(paths.secrets), durable: false, topology: 'ha' },
        {
          changed: () => {},
          log: (line) => {
            if (line !== 'postgres takes writes again') return;
            process.kill(tier.running().identity.pid, 'SIGKILL');
            process.kill(process.pid, 'SIGKILL');
          },
        },
      );
      process.kill(tier.running().identity.pid, 'SIGKILL');`;
    const launcher = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    expect((await once(launcher, 'exit'))[1]).toBe('SIGKILL');
    expect(readLead(paths)).toEqual({ primary: expect.not.stringMatching(`^${primary}$`), standby: 'none' });
    tier = await start();
    expect(await lost()).toEqual([]);
    expect(tier.standby?.synchronous()).toBe(true);
  });

  it('finishes a promotion that was decided and not done', async () => {
    const { primary } = readLead(paths);
    const heir = primary === 'postgres' ? 'postgres-2' : 'postgres';
    await tier.stop();
    writeLead(paths, { primary: heir, standby: 'none' });
    tier = await start();
    const { goOn, stop } = steadyWrites();
    await goOn(10);
    await stop();
    expect(await lost()).toEqual([]);
    expect(readLead(paths)).toEqual({ primary: heir, standby: 'synchronous' });
  });

  it('can be made a single server, on the same data, and a pair again', async () => {
    await tier.stop();
    tier = await start('single');
    expect(tier.standby).toBeUndefined();
    const { goOn, stop } = steadyWrites();
    await goOn(10);
    await stop();
    await tier.stop();
    tier = await start();
    expect(tier.standby?.synchronous()).toBe(true);
    expect(await lost()).toEqual([]);
  });

  it('refuses to guess which cluster holds the data', async () => {
    await tier.stop();
    const lead = readLead(paths);
    rmSync(join(clusterFolder(paths, 'postgres'), '..', 'postgres-lead.json'));
    await expect((async () => start())()).rejects.toThrow(/put it back/);
    writeLead(paths, lead);
    tier = await start();
    expect(await lost()).toEqual([]);
  });
});
