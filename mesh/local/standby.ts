import { setTimeout as sleep } from 'node:timers/promises';
import { asAdmin } from './admin-connection.ts';
import { copyCluster } from './base-copy.ts';
import type { Lead } from './clusters.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts';
import { destroyPostgres } from './postmaster.ts';
import { isAlive } from './process-identity.ts';
import { dontWait, following, keepLog, standbyState, waitForStandby } from './replication.ts';
import { untilStandbyLost } from './server-watch.ts';

/** The standby's part of a pair. */
export interface StandbyParts {
  /** How its server is started. */
  readonly options: PostgresOptions;
  /** Of the role by which it reads the log. */
  readonly password: string;
  /** The server, if it runs. */
  server(): PostgresServer | undefined;
  /** Takes the server when it runs, and when it doesn't any more. */
  setServer(server: PostgresServer | undefined): void;
  /** What it is good for. */
  state(): Lead['standby'];
  /** Writes down what it is good for; on disk when it returns. */
  setState(state: Lead['standby']): void;
  /** Called when it is synchronous, or can't be had for the moment. */
  settled(): void;
  log(line: string): void;
}

const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How long it may take, in milliseconds, until a standby that was started begins to read the log. */
const CONNECT_MS = 15_000;
/** How long it may take, in milliseconds, until it can be asked anything. */
const START_MS = 60_000;

/**
 * Keeps a standby of `primary` running and synchronous, until `signal` aborts: then it is left as it is. Commits wait
 * for the standby only as long as it keeps up. It is written down as no longer synchronous before they stop to wait.
 */
export async function keepStandby(
  primary: PostgresServer,
  parts: StandbyParts,
  signal: AbortSignal,
): Promise<void> {
  let pause = SHORTEST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const standby = await runningStandby(primary, parts, signal);
      const why = await follow(standby);
      parts.log(`postgres-standby ${why}: commits don't wait for it until it is back`);
      await giveUp(standby);
    } catch (cause) {
      if (signal.aborted) return;
      parts.log(`postgres-standby can't be had (${cause}), next try in ${pause} ms`);
    }
    parts.settled();
    await sleep(pause, undefined, { signal }).catch(() => {});
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  /** Why it was given up. */
  async function follow(standby: PostgresServer): Promise<string> {
    if (!(await streams(primary, standby, signal))) return 'does not read the log';
    if (!(await waitForStandby(primary, signal))) return 'does not catch up';
    parts.setState('synchronous');
    parts.log('postgres-standby is synchronous: each commit is on both');
    parts.settled();
    pause = SHORTEST_PAUSE_MS;
    return untilStandbyLost(standby, primary, signal);
  }

  async function giveUp(standby: PostgresServer): Promise<void> {
    // One that was no good twice in a row is copied anew.
    parts.setState(parts.state() === 'synchronous' ? 'behind' : 'none');
    await asAdmin(primary, dontWait);
    await destroyPostgres(standby.dataDir);
    parts.setServer(undefined);
  }
}

async function runningStandby(
  primary: PostgresServer,
  parts: StandbyParts,
  signal: AbortSignal,
): Promise<PostgresServer> {
  const { options, password } = parts;
  const running = parts.server();
  if (running && isAlive(running.identity)) return running;
  parts.setServer(undefined);
  if (parts.state() === 'synchronous') parts.setState('behind');
  await asAdmin(primary, dontWait);
  if (parts.state() === 'none') {
    await destroyPostgres(options.dataDir);
    await asAdmin(primary, keepLog);
    await copyCluster(primary, options.dataDir, signal);
  }
  try {
    const server = await startPostgres({
      ...options,
      replication: following(primary.port, password),
      signal: AbortSignal.any([signal, AbortSignal.timeout(START_MS)]),
    });
    parts.setServer(server);
    return server;
  } catch (cause) {
    if (!signal.aborted) parts.setState('none');
    throw cause;
  }
}

/** Whether it gets what is new; it may take its time to get what is old. */
async function streams(
  primary: PostgresServer,
  standby: PostgresServer,
  signal: AbortSignal,
): Promise<boolean> {
  let end = Date.now() + CONNECT_MS;
  while (isAlive(standby.identity) && Date.now() < end) {
    const state = await asAdmin(primary, standbyState);
    if (state === 'streaming') return true;
    if (state === 'catchup') end = Date.now() + CONNECT_MS;
    await sleep(100, undefined, { signal });
  }
  return false;
}
