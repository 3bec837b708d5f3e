import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTitle } from './postgres-settings.ts';
import {
  commandLine,
  findProcesses,
  identify,
  type ProcessIdentity,
  signal,
  stopProcess,
  waitForExit,
} from './process-identity.ts';

/** What a running server says of itself in postmaster.pid. */
export interface Postmaster {
  readonly identity: ProcessIdentity;
  readonly port: number;
  readonly ready: boolean;
}

/**
 * The server that runs on `dataDir`, whoever started it; undefined if none does. A postmaster.pid whose pid has
 * since been given to another program counts as none.
 */
export function findPostmaster(dataDir: string): Postmaster | undefined {
  const lines = readLock(dataDir);
  if (!lines) return undefined;
  const identity = identify(Number(lines[0]));
  // Its command line names the folder, as we start it so: see startPostgres.
  if (!identity || !commandLine(identity.pid).includes(`-D ${dataDir} `)) return undefined;
  return { identity, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/**
 * Stops the server on `dataDir`, if one runs: a fast shutdown (open transactions are rolled back, a checkpoint is
 * written), harder if that takes longer than a minute. Removes a lock that no server holds.
 */
export async function stopPostgres(dataDir: string): Promise<void> {
  const postmaster = findPostmaster(dataDir);
  if (postmaster) {
    await stopProcess(postmaster.identity, [
      ['SIGINT', 60_000],
      ['SIGQUIT', 5_000],
    ]);
  }
  // PostgreSQL takes a stale lock over by itself, but not where its pid now belongs to another program.
  if (!findPostmaster(dataDir)) rmSync(join(dataDir, 'postmaster.pid'), { force: true });
}

/**
 * Kills the server on `dataDir`, its children included, which outlive a killed postmaster for as long as they are busy.
 * When this resolves none of them runs: nobody can be told anything by this server any more, and it writes nothing.
 *
 * @throws Error if something of it can't be killed
 */
export async function destroyPostgres(dataDir: string): Promise<void> {
  // A server that ended by itself has removed it, when its last child was gone.
  if (!readLock(dataDir)) return;
  const postmaster = findPostmaster(dataDir);
  // First of all, so that it starts no more children.
  if (postmaster && signal(postmaster.identity, 'SIGKILL')) await waitForExit(postmaster.identity, 10_000);
  const title = processTitle(dataDir);
  // A child that has just been started doesn't have its own title yet.
  const ours = (line: string) => line.startsWith(title) || line.includes(`-D ${dataDir} `);
  const end = Date.now() + 10_000;
  for (;;) {
    const left = findProcesses(ours);
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`pid ${left[0]?.pid} of the server on ${dataDir} can't be killed`);
    for (const one of left) signal(one, 'SIGKILL');
    await sleep(20);
  }
}

function readLock(dataDir: string): string[] | undefined {
  try {
    return readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
}
