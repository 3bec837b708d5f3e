import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LauncherConfig } from './config.ts';
import { logFile, pathsIn, prepareFolders } from './paths.ts';

/** What the launcher in the background tells the command that started it. */
type Message = { line: string } | { started: true };

/**
 * Starts the shop by a launcher in the background, shows its progress, and returns when all of it serves. The
 * launcher then writes to logs/launcher.log alone. Ctrl-C before that stops the launcher too.
 *
 * @returns the exit code
 */
export async function upDetached(config: LauncherConfig, print: (line: string) => void): Promise<number> {
  const paths = pathsIn(config.home);
  prepareFolders(paths);
  const log = openSync(logFile(paths, 'launcher'), 'a');
  const child = spawn(process.execPath, [fileURLToPath(new URL('cli.ts', import.meta.url)), 'up'], {
    env: { ...config.inherited, DETACH: '0' },
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const stop = () => child.kill('SIGINT');
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('message', (message: Message) => {
      if ('line' in message) return print(message.line);
      child.disconnect();
      child.unref();
      resolve(0);
    });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/**
 * Where a launcher prints: to its output, and to the command that started it as long as that waits.
 */
export function launcherOutput(): { print: (line: string) => void; started: () => void } {
  const send = (message: Message) => {
    if (process.connected) process.send?.(message);
  };
  // Whoever waited may be gone, killed perhaps; the shop stays.
  process.on('disconnect', () => {});
  process.on('error', () => {});
  return {
    print: (line) => {
      console.log(line);
      send({ line });
    },
    started: () => send({ started: true }),
  };
}
