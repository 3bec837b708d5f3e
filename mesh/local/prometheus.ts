import { cpSync, mkdirSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repository } from './config.ts';
import type { PartEvents } from './data-tier.ts';
import { loopback } from './free-port.ts';
import { logFile, type Paths } from './paths.ts';
import { stopProcess } from './process-identity.ts';
import { lastWords } from './readiness.ts';
import type { Roster } from './roster.ts';
import { prometheusFolder } from './scrape-targets.ts';
import { spawnLogged } from './spawn-logged.ts';
import { supervise } from './supervise.ts';

/** How long, in milliseconds, it may take to stop. */
export const prometheusStopMs = 5_000;
const READY_MS = 20_000;

/**
 * Starts a Prometheus that scrapes the shop by mesh/observability/prometheus, notes it in the roster, waits until it
 * serves, and keeps it running.
 */
export async function startPrometheus(
  { paths, binary, port }: { paths: Paths; binary: string; port: number },
  { changed, log, longestDelayMs }: PartEvents,
  roster: Pick<Roster, 'prometheus' | 'save'>,
): Promise<void> {
  const folder = prometheusFolder(paths);
  const data = join(paths.home, 'data', 'prometheus');
  mkdirSync(data, { recursive: true });
  // Its files of targets are found beside its configuration.
  cpSync(join(repository, 'mesh', 'observability', 'prometheus'), folder, { recursive: true });
  const start = () =>
    spawnLogged({
      command: binary,
      args: [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${data}`,
        ...['--storage.tsdb.retention.time=7d', '--storage.tsdb.retention.size=1GB'],
        `--web.listen-address=${loopback}:${port}`,
        '--enable-feature=exemplar-storage',
        '--log.level=warn',
      ],
      env: {},
      cwd: folder,
      logFile: logFile(paths, 'prometheus'),
    });
  const supervised = await supervise(start, {
    longestDelayMs,
    restarted: changed,
    died: (how, delay) => {
      log(`prometheus died (${how}), starts again in ${delay} ms`);
      changed();
    },
    failed: (cause, delay) => log(`prometheus can't be started (${cause}), next try in ${delay} ms`),
  });
  roster.prometheus = {
    port,
    running: supervised.current,
    stop: () => supervised.stop(({ identity }) => stopProcess(identity, [['SIGTERM', prometheusStopMs]])),
  };
  roster.save();
  const end = Date.now() + READY_MS;
  while (!(await isReady(port))) {
    if (Date.now() > end) throw new Error(`Prometheus did not start: ${lastWords(paths, 'prometheus')}`);
    await sleep(100);
  }
}

/** Whether the Prometheus on this port serves, by its own word. */
export function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: loopback, port, path: '/-/ready', timeout: 1_000, agent: false });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
