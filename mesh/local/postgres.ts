import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cure } from './cure.ts';
import { freePort, loopback } from './free-port.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { prepareCluster } from './postgres-cluster.ts';
import { type Replication, settings, writeReplication } from './postgres-settings.ts';
import { destroyPostgres, findPostmaster, stopPostgres } from './postmaster.ts';
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
  /** Of a standby, whose folder has to be a copy. Default: a server for itself. */
  readonly replication?: Replication;
  /** Gives the start up: a standby may have to wait for its primary. */
  readonly signal?: AbortSignal;
}

/** A running server. It outlives the process that started it, until it is stopped. */
export interface PostgresServer {
  readonly dataDir: string;
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
  const { password, logFile, durable = true, replication = {}, signal } = options;
  const binaries = await postgresBinaries();
  mkdirSync(dirname(options.dataDir), { recursive: true });
  const dataDir = join(realpathSync(dirname(options.dataDir)), basename(options.dataDir));
  await stopPostgres(dataDir);
  const user = await prepareCluster(binaries, dataDir, password, durable);
  writeReplication(dataDir, replication);

  const end = Date.now() + 20_000;
  for (;;) {
    const port = options.port ?? (await freePort());
    const {
      command,
      args,
      options: as,
    } = user.wrap(binaries.postgres, ['-D', dataDir, ...settings(dataDir, port, durable)]);
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
    if (identity && (await becomesReady(dataDir, identity, signal))) {
      const adminUrl = (database = 'postgres') =>
        `postgres://postgres:${password}@${loopback}:${port}/${database}`;
      return { dataDir, port, identity, exited, adminUrl, stop: () => stopPostgres(dataDir) };
    }
    signal?.throwIfAborted();
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

async function becomesReady(
  dataDir: string,
  identity: ProcessIdentity,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  // Recovery after a crash may take its time, so there is no limit as long as the server lives.
  while (isAlive(identity)) {
    if (signal?.aborted) await destroyPostgres(dataDir);
    const postmaster = findPostmaster(dataDir);
    if (postmaster?.ready && postmaster.identity.pid === identity.pid) return true;
    await sleep(15);
  }
  return false;
}
