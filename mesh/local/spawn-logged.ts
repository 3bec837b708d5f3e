import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { identify, type ProcessIdentity } from './process-identity.ts';

/** A process that was started, and how it ends. */
export interface Running {
  readonly identity: ProcessIdentity;
  /** When it was started, in milliseconds since the epoch. */
  readonly since: number;
  /** Resolves when it is gone, with how: "code 1", "SIGKILL". */
  readonly exited: Promise<string>;
}

/** What to run. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Both of its outputs are appended here. */
  readonly logFile: string;
}

/**
 * Starts a process that doesn't depend on ours: it leads its own process group, so that a terminal's Ctrl-C doesn't
 * reach it, and writes to a file by itself, so that it survives our own death.
 */
export async function spawnLogged({ command, args, env, cwd, logFile }: Program): Promise<Running> {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  // A process that is gone already has no start time any more; no pid is ever equal to this identity's.
  const identity = identify(child.pid as number) ?? { pid: child.pid as number, started: 'gone' };
  return { identity, since: Date.now(), exited };
}
