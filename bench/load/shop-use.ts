import { createReadStream, existsSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessLogFile } from '../../mesh/local/gateway.ts';
import type { ProcessRecord } from '../../mesh/local/state.ts';
import { cpuSeconds } from '../cpu.ts';
import { round } from './report.ts';
import type { RunningShop } from './running-shop.ts';

/** What a load cost the shop, and what happened to it meanwhile. */
export interface ShopUse {
  /** Processor time in seconds: of services, Envoys and PostgreSQL. Only processes that lived all through count. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
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
};
/** By then Envoys have written what they know to the access log, in milliseconds. */
const LOG_FLUSH_MS = 1_200;

/** Watches the shop from now on; the function that is returned tells what it saw. */
export function watchShop(shop: RunningShop): (startAt: number) => Promise<ShopUse> {
  const log = accessLogFile(shop.paths);
  const offset = existsSync(log) ? statSync(log).size : 0;
  const before = new Map(shop.state().processes.map((one) => [one.pid, { one, cpu: cpuSeconds([one.pid]) }]));
  return async (startAt) => {
    const cpu: Record<string, number> = {};
    const started: { name: string; second: number }[] = [];
    for (const one of shop.state().processes) {
      const known = before.get(one.pid);
      if (known && known.one.started === one.started) {
        const group = groupOf(one);
        cpu[group] = (cpu[group] ?? 0) + cpuSeconds([one.pid]) - known.cpu;
      } else started.push({ name: one.name, second: round((one.since - startAt) / 1_000) });
    }
    for (const [group, seconds] of Object.entries(cpu)) cpu[group] = round(seconds);
    await sleep(LOG_FLUSH_MS);
    return { cpuSeconds: cpu, started, meshRetries: await readRetries(log, offset) };
  };
}

const groupOf = ({ kind }: ProcessRecord): string => GROUPS[kind];

/** Counts calls of more than one attempt in what was added to Envoy's access log. */
async function readRetries(file: string, start: number): Promise<Record<string, number>> {
  const retries: Record<string, number> = {};
  if (!existsSync(file)) return retries;
  for await (const line of createInterface(createReadStream(file, { start }))) {
    const attempts = Number(/"attempts":"?(\d+)/.exec(line)?.[1] ?? 1);
    const method = /"path":"\/shop\.[\w.]+\/(\w+)"/.exec(line)?.[1];
    if (attempts > 1 && method) retries[method] = (retries[method] ?? 0) + 1;
  }
  return retries;
}
