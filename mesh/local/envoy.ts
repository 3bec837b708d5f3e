import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Resource } from '../envoy/resource.ts';
import { loopback } from './free-port.ts';
import { stopProcess } from './process-identity.ts';
import { type Running, spawnLogged } from './spawn-logged.ts';

/** What an Envoy runs from. */
export interface EnvoyOptions {
  readonly binary: string;
  readonly bootstrap: Resource;
  /** The bootstrap is written here. */
  readonly bootstrapFile: string;
  /** Envoy's own log; calls are logged where the bootstrap says. */
  readonly logFile: string;
}

/** Starts an Envoy, and doesn't wait until it is ready. */
export function startEnvoy({ binary, bootstrap, bootstrapFile, logFile }: EnvoyOptions): Promise<Running> {
  mkdirSync(dirname(bootstrapFile), { recursive: true });
  writeFileSync(bootstrapFile, `${JSON.stringify(bootstrap, undefined, 2)}\n`);
  return spawnLogged({
    command: binary,
    // Several Envoys may share a machine. One worker is enough for a few thousand calls a second on two cores, and
    // leaves the other core to the services.
    args: [
      ...['--config-path', bootstrapFile],
      ...['--use-dynamic-base-id', '--disable-hot-restart'],
      ...['--concurrency', '1', '--log-level', 'warning'],
      // The access log: by default a call could take ten seconds to show.
      ...['--file-flush-interval-msec', '1000'],
    ],
    env: {},
    cwd: dirname(bootstrapFile),
    logFile,
  });
}

/** Waits until an Envoy accepts calls; false if it ends before. */
export async function envoyIsReady(adminPort: number, running: Running): Promise<boolean> {
  let ended = false;
  void running.exited.then(() => {
    ended = true;
  });
  while (!ended) {
    if (await isLive(adminPort)) return true;
    await sleep(20);
  }
  return false;
}

/** Whether the Envoy with this admin port accepts calls, by its own word. */
export function isLive(adminPort: number): Promise<boolean> {
  // Not fetch: loading it costs a launcher a tenth of a second.
  return new Promise((resolve) => {
    const request = get({ host: loopback, port: adminPort, path: '/ready', timeout: 1_000, agent: false });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** Ends an Envoy. What calls it still has are cut: let it be the last but PostgreSQL. */
export function stopEnvoy({ identity }: Running): Promise<void> {
  return stopProcess(identity, [['SIGTERM', 3_000]]);
}
