import { createReadStream, existsSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessLogFile } from '../../mesh/local/gateway.ts';
import type { ProcessRecord } from '../../mesh/local/state.ts';
import { cpuSeconds } from '../cpu.ts';
import { round } from './report.ts';
import type { RunningShop } from './running-shop.ts';
import { sum } from './tally.ts';

/** What a load cost the shop, and what happened to it meanwhile. */
export interface ShopUse {
  /** Processor time in seconds: of services, Envoys and PostgreSQL. Only processes that lived all through count. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** What neither the shop nor the generators used of the machine's processor time, but others did; in seconds. */
  readonly othersCpuSeconds: number;
  /** Processes that were started during the run, and when, in seconds from its beginning. */
  readonly started: readonly { readonly name: string; readonly second: number }[];
  /** Calls that the mesh sent more than once, by method: those of clients and those between services. */
  readonly meshRetries: Readonly<Record<string, number>>;
}

const GROUPS = {
  service: 'services',
  envoy: 'Envoys',
  sidecar: 'Envoys',
  postgres: 'PostgreSQL',
  nats: 'NATS',
  prometheus: 'Prometheus',
};
/** By then Envoys have written what they know to the access log, in milliseconds. */
const LOG_FLUSH_MS = 1_200;

/** Watches the shop from now on; the function that is returned tells what it saw. */
export function watchShop(shop: RunningShop): (run: WatchedRun) => Promise<ShopUse> {
  const log = accessLogFile(shop.paths);
  const offset = existsSync(log) ? statSync(log).size : 0;
  const busy = busySeconds();
  const own = process.cpuUsage();
  const before = new Map(shop.state().processes.map((one) => [one.pid, { one, cpu: cpuSeconds([one.pid]) }]));
  return async ({ startAt, generatorCpuSeconds }) => {
    const cpu: Record<string, number> = {};
    const started: { name: string; second: number }[] = [];
    for (const one of shop.state().processes) {
      const known = before.get(one.pid);
      if (known && known.one.started === one.started) {
        const group = groupOf(one);
        cpu[group] = (cpu[group] ?? 0) + cpuSeconds([one.pid]) - known.cpu;
      } else started.push({ name: one.name, second: round((one.since - startAt) / 1_000) });
    }
    const { user, system } = process.cpuUsage(own);
    const known = sum(Object.values(cpu)) + generatorCpuSeconds + (user + system) / 1e6;
    const others = Math.max(0, busySeconds() - busy - known);
    for (const [group, seconds] of Object.entries(cpu)) cpu[group] = round(seconds);
    await sleep(LOG_FLUSH_MS);
    const meshRetries = await readRetries(log, offset);
    return { cpuSeconds: cpu, othersCpuSeconds: round(others), started, meshRetries };
  };
}

/** What is told of a run when it is over. */
export interface WatchedRun {
  /** Milliseconds since the epoch. */
  readonly startAt: number;
  /** What the generators used. */
  readonly generatorCpuSeconds: number;
}

/** Processor time that all programs of the machine have used; 0 where that of the shop can't be told either. */
const busySeconds = (): number =>
  process.platform === 'linux'
    ? sum(cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq)) / 1_000
    : 0;

const groupOf = ({ kind }: ProcessRecord): string => GROUPS[kind];

/** Counts calls of more than one attempt, by method, in what was added to Envoy's access log since `start` bytes. */
export async function readRetries(file: string, start: number): Promise<Record<string, number>> {
  const retries: Record<string, number> = {};
  if (!existsSync(file)) return retries;
  for await (const line of createInterface(createReadStream(file, { start }))) {
    const attempts = Number(/"attempts":"?(\d+)/.exec(line)?.[1] ?? 1);
    const method = /"path":"\/shop\.[\w.]+\/(\w+)"/.exec(line)?.[1];
    if (attempts > 1 && method) retries[method] = (retries[method] ?? 0) + 1;
  }
  return retries;
}
