import { services } from '../local/services.ts';
import type { Shop } from '../local/shop.ts';
import type { Opinions } from './shop-view.ts';
import { type Calls, createCallSeries } from './sources/calls.ts';
import { type Edge, edgesOf, joined } from './sources/edges.ts';
import { createEnvoyReader } from './sources/envoys.ts';
import { createInstanceReader } from './sources/instances.ts';
import { createProcessMeter, type Measured } from './sources/processes.ts';

/** What was measured of a moment. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** By series name: `edge|gateway>order|p99`. Latencies in ms, rates a second, memory in bytes, CPU in percent. */
  readonly values: ReadonlyMap<string, number>;
  readonly opinions: Opinions;
}

/** Memory is read each so many samples: the system adds up a process's pages for it. */
const memoryEvery = 10;

/** Asks everything that runs in a shop how it is. */
export function createSampler(shop: Shop): () => Promise<Sample> {
  const readEnvoys = createEnvoyReader(shop);
  const readInstances = createInstanceReader(shop);
  const meter = createProcessMeter();
  const addCalls = createCallSeries();
  let memory = new Map<string, number>();
  let samples = 0;
  let last = performance.now();

  return async () => {
    const [envoys, instances] = await Promise.all([readEnvoys(), readInstances()]);
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;

    const values = new Map<string, number>(instances.gauges);
    const edges = edgesOf(
      envoys.readings,
      services.map(({ name }) => name),
    );
    const calls = new Map<string, Calls>(instances.calls);
    for (const [name, edge] of edges) {
      calls.set(`edge|${name}`, edge);
      addTrouble(`edge|${name}`, edge, values);
    }
    for (const { name } of services) {
      const to = [...edges].flatMap(([edge, of]) => (edge.endsWith(`>${name}`) ? [of] : []));
      // Without a mesh only the services themselves know of their calls.
      const seen = to.length > 0 ? joined(to) : instances.services.get(name);
      if (seen) calls.set(`service|${name}`, seen);
    }
    addCalls(calls, seconds, values);
    for (const [name, more] of instances.grown) values.set(`count|${name}|rate`, more / seconds);

    const processes = processesOf(shop);
    for (const [name, percent] of meter.cpu(processes)) values.set(`process|${name}|cpu`, percent);
    if (samples++ % memoryEvery === 0) memory = meter.memory(processes);
    for (const { name } of processes) {
      const bytes = memory.get(name);
      if (bytes) values.set(`process|${name}|memory`, bytes);
    }
    return { time: Date.now(), values, opinions: envoys.opinions };
  };
}

function addTrouble(name: string, { open, overflowed, ejected }: Edge, values: Map<string, number>): void {
  values.set(`${name}|open`, open);
  values.set(`${name}|overflowed`, overflowed);
  values.set(`${name}|ejected`, ejected);
}

function processesOf(shop: Shop): Measured[] {
  return [
    // PostgreSQL is a process for each connection, and a few more.
    ...shop.processes().map(({ name, kind, pid }) => ({
      name: kind === 'envoy' ? 'gateway' : name,
      pid,
      children: kind === 'postgres',
    })),
    { name: 'launcher', pid: process.pid, children: false },
  ];
}
