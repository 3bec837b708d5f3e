import { asAdmin, promote } from './admin-connection.ts';
import { clusterFolder, readLead, writeLead } from './clusters.ts';
import type { DatabaseTopology } from './config.ts';
import { ensureDatabases, type ServiceDatabase } from './databases.ts';
import { logFile, type Paths } from './paths.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { startPair } from './postgres-pair.ts';
import { forgetStandby } from './replication.ts';
import type { Secrets } from './secrets.ts';
import { serviceDatabase } from './service-environment.ts';
import { services } from './services.ts';
import type { Running } from './spawn-logged.ts';
import { supervise } from './supervise.ts';

/** A part of the shop that is one process, kept alive. */
export interface Part {
  readonly port: number;
  running(): Running | undefined;
  stop(): Promise<void>;
}

/** What a part tells its owner. */
export interface PartEvents {
  /** Called after each death and further start. */
  changed(): void;
  /** One line on what happened, for the launcher's log. */
  log(line: string): void;
  /** The longest pause, in milliseconds, before it is started again. */
  readonly longestDelayMs: number | undefined;
}

/** PostgreSQL: its port is the one of the server that takes writes. */
export interface DataTier extends Part {
  /** The server beside it, where there are two. */
  readonly standby?: {
    readonly port: number;
    running(): Running | undefined;
    /** Whether it has all that was acknowledged, and could take the other one's place. */
    synchronous(): boolean;
  };
}

/** What PostgreSQL is started with. */
export interface DataTierOptions {
  readonly paths: Paths;
  readonly secrets: Secrets;
  readonly durable: boolean;
  readonly topology: DatabaseTopology;
}

/** Starts PostgreSQL with a database for each service, and keeps it running on the same ports. */
export function startDataTier(
  { topology, ...options }: DataTierOptions,
  events: PartEvents,
): Promise<DataTier> {
  const databases = services.map(({ name }) => serviceDatabase(options.secrets, name));
  return topology === 'ha'
    ? startPair({ ...options, databases }, events)
    : startSingle({ ...options, databases }, events);
}

async function startSingle(
  {
    paths,
    secrets,
    durable,
    databases,
  }: Omit<DataTierOptions, 'topology'> & { databases: readonly ServiceDatabase[] },
  { changed, log, longestDelayMs }: PartEvents,
): Promise<DataTier> {
  const { primary, standby } = readLead(paths);
  // From now on it gets nothing more.
  if (standby !== 'none') writeLead(paths, { primary, standby: 'none' });
  let server: PostgresServer | undefined;
  const start = async (): Promise<Running> => {
    server = await startPostgres({
      dataDir: clusterFolder(paths, primary),
      password: secrets('postgres'),
      logFile: logFile(paths, 'postgres'),
      durable,
      // The services have been told the port.
      ...(server ? { port: server.port } : {}),
    });
    return { identity: server.identity, since: Date.now(), exited: server.exited.then(() => 'see its log') };
  };
  const supervised = await supervise(start, {
    longestDelayMs,
    restarted: changed,
    died: (how, delay) => {
      log(`postgres died (${how}), starts again in ${delay} ms`);
      changed();
    },
    failed: (cause, delay) => log(`postgres can't be started (${cause}), next try in ${delay} ms`),
  });
  const first = server as unknown as PostgresServer;
  const stop = () => supervised.stop(() => server?.stop() ?? Promise.resolve());
  try {
    // It was a standby whose promotion was cut short, or a primary that keeps its log for a standby.
    await promote(first);
    await asAdmin(first, forgetStandby);
    await ensureDatabases(first.adminUrl(), databases);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { port: first.port, running: supervised.current, stop };
}
