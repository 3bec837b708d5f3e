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

/**
 * What the instances and the system say is asked for not more often than this, in milliseconds: it costs more than to
 * ask the Envoys, and changes less.
 */
const slowEveryMs = 1_900;
/** Memory is read each so many of those times: the system adds up a process's pages for it. */
const memoryEvery = 8;

/** Asks everything that runs in a shop how it is. */
export function createSampler(shop: Shop): () => Promise<Sample> {
  const readEnvoys = createEnvoyReader(shop);
  const readSlow = createSlowReader(shop);
  const addCalls = createCallSeries();
  let last = performance.now();

  return async () => {
    const slow = readSlow();
    const envoys = await readEnvoys();
    const seconds = (performance.now() - last) / 1000;
    last = performance.now();

    const edges = edgesOf(envoys.readings, names);
    const values = new Map<string, number>(slow);
    const calls = new Map<string, Calls>();
    for (const [name, edge] of edges) {
      calls.set(`edge|${name}`, edge);
      addTrouble(`edge|${name}`, edge, values);
    }
    for (const name of names) {
      const to = [...edges].flatMap(([edge, of]) => (edge.endsWith(`>${name}`) ? [of] : []));
      if (to.length === 0) continue;
      const edge = joined(to);
      calls.set(`service|${name}`, edge);
      addTrouble(`service|${name}`, edge, values);
    }
    addCalls(calls, seconds, values);
    return { time: Date.now(), values, opinions: envoys.opinions };
  };
}

const names = services.map(({ name }) => name);

/**
 * What the instances and the system said last, at once. They are asked again behind the back of who reads: an instance
 * that hangs must not hold up what the others say.
 */
function createSlowReader(shop: Shop): () => ReadonlyMap<string, number> {
  const readInstances = createInstanceReader(shop);
  const meter = createProcessMeter();
  const addCalls = createCallSeries();
  let memory = new Map<string, number>();
  let values = new Map<string, number>();
  let readings = 0;
  let reading = false;
  let fault: unknown;
  let last = Number.NEGATIVE_INFINITY;

  const read = async () => {
    const began = performance.now();
    const seconds = (began - last) / 1000;
    last = began;
    const instances = await readInstances();
    const next = new Map<string, number>(instances.gauges);
    const calls = new Map<string, Calls>(instances.calls);
    // Without a mesh only the services themselves know of their calls.
    if (shop.gatewayPort === 0)
      for (const [name, seen] of instances.services) calls.set(`service|${name}`, seen);
    addCalls(calls, seconds, next);
    for (const [name, more] of instances.grown) next.set(`count|${name}|rate`, more / seconds);

    const processes = processesOf(shop);
    for (const [name, percent] of meter.cpu(processes)) next.set(`process|${name}|cpu`, percent);
    if (readings++ % memoryEvery === 0) memory = meter.memory(processes);
    for (const { name } of processes) {
      const bytes = memory.get(name);
      if (bytes) next.set(`process|${name}|memory`, bytes);
    }
    values = next;
  };
  return () => {
    const told = fault;
    fault = undefined;
    if (told !== undefined) throw told;
    if (!reading && performance.now() - last > slowEveryMs) {
      reading = true;
      read()
        .catch((cause: unknown) => {
          fault = cause;
        })
        .finally(() => {
          reading = false;
        });
    }
    return values;
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
