/** The benchmarks, in the order in which they run. */
export const SECTIONS = [
  'calls',
  'telemetry',
  'events',
  'orders',
  'latency',
  'meshes',
  'memory',
  'growth',
] as const;

/** A benchmark's name. */
export type Section = (typeof SECTIONS)[number];

/** How long and how hard the benchmarks run. */
export interface BenchConfig {
  /** ONLY=orders,latency; default all but `growth`, which takes minutes by itself: FILL=1 adds it. */
  readonly only: readonly Section[];
  /** Rounds that count; one more warms up. ROUNDS, default 5. */
  readonly rounds: number;
  /** Of each subject in each round. SECONDS, default 3. */
  readonly seconds: number;
  /** Calls under way at any time. CONCURRENCY, default 64. */
  readonly concurrency: number;
  /** Instances of each service. REPLICAS, default 2. */
  readonly replicas: number;
  /** How long `memory` goes on, in minutes. MINUTES, default 1. */
  readonly minutes: number;
  /** How many orders `growth` fills the tables with. ORDERS, default a million. */
  readonly orders: number;
  /** PGBENCH_BIN, default the one on the PATH. */
  readonly pgbench: string;
}

/** Reads the environment; throws on the first thing that is wrong with it. */
export function benchConfig(env = process.env): BenchConfig {
  const read = (name: string, fallback: number, most = 1_000) => {
    const value = Number(env[name] || fallback);
    if (!(value >= 1 && value <= most)) throw new Error(`${name} must be a number from 1 to ${most}`);
    return value;
  };
  return {
    only: sections(env.ONLY, env.FILL === '1'),
    rounds: read('ROUNDS', 5),
    seconds: read('SECONDS', 3),
    concurrency: read('CONCURRENCY', 64),
    replicas: read('REPLICAS', 2, 8),
    minutes: read('MINUTES', 1),
    orders: read('ORDERS', 1_000_000, 10_000_000),
    pgbench: env.PGBENCH_BIN || 'pgbench',
  };
}

function sections(only: string | undefined, fill: boolean): readonly Section[] {
  if (!only) return SECTIONS.filter((name) => name !== 'growth' || fill);
  return only.split(',').map((name) => {
    const found = SECTIONS.find((each) => each === name);
    if (!found) throw new Error(`ONLY must be a list of ${SECTIONS.join(', ')}`);
    return found;
  });
}

/** The service that this process is an instance of. */
export const serviceOfInstance = (env = process.env): string => (env.INSTANCE ?? '').replace(/-\d+$/, '');
