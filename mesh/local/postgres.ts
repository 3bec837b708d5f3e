import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cure } from './cure.ts';
import { freePort, loopback } from './free-port.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { prepareCluster } from './postgres-cluster.ts';
import { findPostmaster, stopPostgres } from './postmaster.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

/** Where and how a server runs. */
export interface PostgresOptions {
  /** The cluster's folder; made on the first start. */
  readonly dataDir: string;
  /** The superuser's password, set on the first start and the same ever after. */
  readonly password: string;
  /** The server's log is appended to this file. */
  readonly logFile: string;
  /** The TCP port on 127.0.0.1; a free one where absent. */
  readonly port?: number;
  /** false, for tests only: nothing waits for the disk, and a crash of the machine loses the cluster. Default true. */
  readonly durable?: boolean;
}

/** A running server. It outlives the process that started it, until it is stopped. */
export interface PostgresServer {
  readonly port: number;
  readonly identity: ProcessIdentity;
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** The superuser's URL of a database, `postgres` where absent. */
  adminUrl(database?: string): string;
  /** Fast shutdown; resolves when the server is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL on a folder and waits until it accepts connections. A server that an earlier run left on
 * the folder is stopped first, and a stale lock is removed.
 *
 * @throws Cure for what a person can put right; Error with the server's own last words otherwise
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { password, logFile, durable = true } = options;
  const binaries = await postgresBinaries();
  mkdirSync(dirname(options.dataDir), { recursive: true });
  const dataDir = join(realpathSync(dirname(options.dataDir)), basename(options.dataDir));
  await stopPostgres(dataDir);
  const user = await prepareCluster(binaries, dataDir, password, durable);

  const end = Date.now() + 20_000;
  for (;;) {
    const port = options.port ?? (await freePort());
    const {
      command,
      args,
      options: as,
    } = user.wrap(binaries.postgres, ['-D', dataDir, ...settings(port, durable)]);
    const log = openSync(logFile, 'a', 0o600);
    const logStart = readFileSync(logFile).length;
    // A process group of its own: a terminal's Ctrl-C must not reach it before the services are done.
    const child = spawn(command, args, {
      ...as,
      cwd: '/',
      env: {},
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve()).once('exit', () => resolve());
    });
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity && (await becomesReady(dataDir, identity))) {
      const adminUrl = (database = 'postgres') =>
        `postgres://postgres:${password}@${loopback}:${port}/${database}`;
      return { port, identity, exited, adminUrl, stop: () => stopPostgres(dataDir) };
    }
    const words = readFileSync(logFile).subarray(logStart).toString();
    const message = /FATAL: {2}(.*)/.exec(words)?.[1] ?? words.trim().split('\n').at(-1) ?? '';
    if (words.includes('incompatible with server')) {
      throw new Cure(
        `${dataDir} was made by another version of PostgreSQL: move the data with pg_dump, or "make reset" to start empty`,
      );
    }
    // The children of a killed server hold its shared memory for a moment longer. And a port that was free may have
    // been taken since.
    const passing = /shared memory|lock file|could not (bind|create any TCP)/.test(words);
    if (!passing || Date.now() > end) throw new Error(`PostgreSQL did not start: ${message} (${logFile})`);
    await sleep(200);
  }
}

async function becomesReady(dataDir: string, identity: ProcessIdentity): Promise<boolean> {
  // Recovery after a crash may take its time, so there is no limit as long as the server lives.
  while (isAlive(identity)) {
    const postmaster = findPostmaster(dataDir);
    if (postmaster?.ready && postmaster.identity.pid === identity.pid) return true;
    await sleep(15);
  }
  return false;
}

function settings(port: number, durable: boolean): string[] {
  const values = {
    port,
    listen_addresses: loopback,
    // TCP on loopback alone: a socket's path would have to be short and reachable by whoever runs the server.
    unix_socket_directories: '',
    max_connections: 200,
    // For one small machine with hundreds of megabytes of data; the operating system caches the rest.
    shared_buffers: '64MB',
    wal_level: 'replica',
    max_wal_size: '256MB',
    // Short statements by key: no parallel plans, no just-in-time compilation, no separate processes for reading.
    max_parallel_workers_per_gather: 0,
    jit: 'off',
    io_method: 'sync',
    cluster_name: 'souk',
    log_line_prefix: '%m [%p] %q%u ',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(durable
      ? { fsync: 'on', synchronous_commit: 'on' }
      : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
