import { renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asAdmin, promote, roleOf } from './admin-connection.ts';
import { type Cluster, clusterFolder, type Lead, otherThan, readLead, writeLead } from './clusters.ts';
import type { DataTier, PartEvents } from './data-tier.ts';
import { ensureDatabases, type ServiceDatabase } from './databases.ts';
import { freePort } from './free-port.ts';
import { logFile, type Paths } from './paths.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { destroyPostgres, stopPostgres } from './postmaster.ts';
import { ensureReplicationRole } from './replication.ts';
import type { Secrets } from './secrets.ts';
import { untilPrimaryLost } from './server-watch.ts';
import type { Running } from './spawn-logged.ts';
import { keepStandby } from './standby.ts';

/** What a pair is made of. */
export interface PairOptions {
  readonly paths: Paths;
  readonly secrets: Secrets;
  readonly durable: boolean;
  readonly databases: readonly ServiceDatabase[];
}

/** A server of the pair, and what others are told of its process. */
interface Member {
  readonly server: PostgresServer;
  readonly running: Running;
}

const SHORTEST_PAUSE_MS = 100;

/**
 * Starts a primary and a standby, and keeps both running. When the primary is lost, a standby that has all that was
 * acknowledged takes its place, and what was the primary's cluster is replaced by a new standby's; without such a
 * standby the primary is started again. Resolves when the primary takes writes, and the standby is synchronous or
 * can't be had for the moment.
 */
export async function startPair(
  { paths, secrets, durable, databases }: PairOptions,
  { changed, log, longestDelayMs = 10_000 }: PartEvents,
): Promise<DataTier> {
  let lead = readLead(paths);
  let primary: Member | undefined;
  let standby: Member | undefined;
  const ports: Record<Cluster, number> = { postgres: await freePort(), 'postgres-2': await freePort() };
  const stopping = new AbortController();

  const setLead = (now: Lead) => {
    writeLead(paths, now);
    lead = now;
    changed();
  };
  const optionsOf = (cluster: Cluster, name: string) => ({
    dataDir: clusterFolder(paths, cluster),
    port: ports[cluster],
    password: secrets('postgres'),
    logFile: logFile(paths, name),
    durable,
  });

  async function startPrimary(): Promise<Member> {
    // It doesn't wait for a standby now, and what it acknowledges may be on it alone.
    if (lead.standby === 'synchronous') setLead({ ...lead, standby: 'behind' });
    const options = optionsOf(lead.primary, 'postgres');
    return member(await startPostgres({ ...options, signal: stopping.signal }));
  }

  /** The other cluster becomes the one that holds the data if it has all of it and its server answers. */
  async function chooseHeir(): Promise<void> {
    const heir = standby;
    if (lead.standby !== 'synchronous' || !heir || (await roleOf(heir.server)) !== 'standby') return;
    // It is on disk before the heir is promoted: whoever is killed from here on goes on with the heir.
    setLead({ primary: otherThan(lead.primary), standby: 'none' });
    [primary, standby] = [heir, undefined];
    swapLogs(paths);
    log('postgres-standby takes its place');
  }

  async function bringUpPrimary(): Promise<void> {
    primary ??= await startPrimary();
    try {
      await promote(primary.server);
    } catch (cause) {
      await destroyPostgres(primary.server.dataDir);
      primary = undefined;
      throw cause;
    }
  }

  /** Repeats what has to be done, however often it fails. */
  async function insist(work: () => Promise<void>): Promise<void> {
    for (let pause = SHORTEST_PAUSE_MS; ; pause = Math.min(pause * 2, longestDelayMs)) {
      try {
        return await work();
      } catch (cause) {
        stopping.signal.throwIfAborted();
        log(`postgres can't be brought back (${cause}), next try in ${pause} ms`);
        await sleep(pause, undefined, { signal: stopping.signal });
      }
    }
  }

  /** Keeps the primary's standby, until the primary is lost and all of it is gone. */
  async function serve({ server }: Member, settled: () => void): Promise<void> {
    const over = new AbortController();
    const keeping = keepStandby(
      server,
      {
        options: optionsOf(otherThan(lead.primary), 'postgres-standby'),
        password: secrets('postgres-standby'),
        server: () => standby?.server,
        setServer: (now) => {
          standby = now && member(now);
          changed();
        },
        state: () => lead.standby,
        setState: (state) => setLead({ ...lead, standby: state }),
        settled,
        log,
      },
      AbortSignal.any([stopping.signal, over.signal]),
    );
    try {
      log(`postgres ${await untilPrimaryLost(server, stopping.signal)}`);
      over.abort();
      await insist(() => destroyPostgres(server.dataDir));
    } finally {
      await keeping;
    }
  }

  async function keep(settled: () => void): Promise<void> {
    for (;;) {
      await serve(primary as Member, settled);
      primary = undefined;
      await insist(chooseHeir);
      changed();
      await insist(bringUpPrimary);
      log('postgres takes writes again');
      changed();
    }
  }

  async function begin(): Promise<void> {
    await stopPostgres(clusterFolder(paths, otherThan(lead.primary)));
    await bringUpPrimary();
    const { server } = primary as unknown as Member;
    await ensureDatabases(server.adminUrl(), databases);
    await asAdmin(server, (admin) => ensureReplicationRole(admin, secrets('postgres-standby')));
  }

  let keeping: Promise<void> = Promise.resolve();
  async function stop(): Promise<void> {
    stopping.abort();
    await keeping;
    // The standby last: it gets all that the primary still writes.
    for (const cluster of [lead.primary, otherThan(lead.primary)]) {
      await stopPostgres(clusterFolder(paths, cluster));
    }
  }

  try {
    await begin();
  } catch (cause) {
    await stop();
    throw cause;
  }
  await new Promise<void>((settled) => {
    keeping = keep(settled).catch((cause) => {
      if (!stopping.signal.aborted) throw cause;
    });
  });
  return {
    get port() {
      return ports[lead.primary];
    },
    running: () => primary?.running,
    standby: {
      get port() {
        return ports[otherThan(lead.primary)];
      },
      running: () => standby?.running,
      synchronous: () => standby !== undefined && lead.standby === 'synchronous',
    },
    stop,
  };
}

const member = (server: PostgresServer): Member => ({
  server,
  running: {
    identity: server.identity,
    since: Date.now(),
    exited: server.exited.then(() => 'see its log'),
  },
});

/** The logs are called after what the servers are; a server writes on in its own, whatever that is called. */
function swapLogs(paths: Paths): void {
  const [one, other] = [logFile(paths, 'postgres'), logFile(paths, 'postgres-standby')];
  renameSync(one, `${one}.swap`);
  renameSync(other, one);
  renameSync(`${one}.swap`, other);
}
