import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, identify, type ProcessIdentity, stopProcess } from './process-identity.ts';

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
  let lines: string[];
  try {
    lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const identity = identify(Number(lines[0]));
  // Its command line names the folder, as we start it so: see startPostgres.
  if (!identity || !commandLine(identity.pid).includes(`-D ${dataDir}`)) return undefined;
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
