import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Part, PartEvents } from './data-tier.ts';
import { freePort, loopback } from './free-port.ts';
import { logFile, type Paths } from './paths.ts';
import { stopProcess } from './process-identity.ts';
import type { Secrets } from './secrets.ts';
import { type Running, spawnLogged } from './spawn-logged.ts';
import { supervise } from './supervise.ts';

/** The broker of events. */
export interface Broker extends Part {
  /** Its own pages: /healthz, /varz, /jsz. */
  readonly monitorPort: number;
  /** EVENTS_URL of the services. */
  readonly url: string;
}

const USER = 'souk';
/** What all streams may take together. */
const MAX_STORE = '2GB';

/** Starts a nats-server with JetStream, waits until it serves, and keeps it running on the same ports. */
export async function startBroker(
  { paths, secrets, binary }: { paths: Paths; secrets: Secrets; binary: string },
  { changed, log, longestDelayMs }: PartEvents,
): Promise<Broker> {
  const [port, monitorPort] = [await freePort(), await freePort()];
  const password = secrets('nats');
  const configFile = join(paths.run, 'nats.conf');
  writeFileSync(configFile, configuration(port, monitorPort, paths.nats));
  const start = () =>
    spawnLogged({
      command: binary,
      args: ['--config', configFile],
      // It reads the value as it reads its configuration: without quotes one like 1e5 would be a number.
      env: { NATS_PASSWORD: `"${password}"` },
      cwd: paths.home,
      logFile: logFile(paths, 'nats'),
    });
  const supervised = await supervise(start, {
    longestDelayMs,
    restarted: changed,
    died: (how, delay) => {
      log(`nats died (${how}), starts again in ${delay} ms`);
      changed();
    },
    failed: (cause, delay) => log(`nats can't be started (${cause}), next try in ${delay} ms`),
  });
  return {
    port,
    monitorPort,
    url: `nats://${USER}:${password}@${loopback}:${port}`,
    running: supervised.current,
    stop: () => supervised.stop(({ identity }) => stopProcess(identity, [['SIGTERM', stopMs]])),
  };
}

/** How long, in milliseconds, a broker may take to stop. */
export const stopMs = 5_000;

// What is stored is written to disk, and forced to it every two minutes only: what a crash of the machine takes from a
// stream, its publisher's log has.
const configuration = (port: number, monitorPort: number, store: string) => `server_name: souk
listen: "${loopback}:${port}"
http: "${loopback}:${monitorPort}"
jetstream { store_dir: ${JSON.stringify(store)}, max_file_store: ${MAX_STORE}, max_memory_store: 16MB }
authorization { user: ${USER}, password: $NATS_PASSWORD }
`;

/** Waits until the broker serves; false if its process ends before. */
export async function brokerIsReady({ monitorPort, running }: Broker): Promise<boolean> {
  const process: Running | undefined = running();
  while (process !== undefined && running() === process) {
    if (await isHealthy(monitorPort)) return true;
    await sleep(20);
  }
  return false;
}

/** Whether the broker with this monitoring port serves, by its own word. */
export function isHealthy(monitorPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({
      host: loopback,
      port: monitorPort,
      path: '/healthz',
      timeout: 1_000,
      agent: false,
    });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
