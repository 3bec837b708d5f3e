import type { Faults } from '../../mesh/envoy/governance/faults.ts';
import { type Random, seeded } from '../random.ts';

/** Something that is done to the shop. */
export type Act =
  /** kill -9 the first of these instances that runs and is not paused; all of them, if `all`. */
  | { readonly kind: 'kill'; readonly victims: readonly string[]; readonly all: boolean }
  /** kill -9 of the sidecar of the first of these instances that has one running. */
  | { readonly kind: 'sidecar'; readonly victims: readonly string[] }
  /** SIGSTOP the first of those, and SIGCONT after `ms`. */
  | { readonly kind: 'pause'; readonly victims: readonly string[]; readonly ms: number }
  /** kill -9 of PostgreSQL, or a fast shutdown; either way it is started again. */
  | { readonly kind: 'database'; readonly signal: 'SIGKILL' | 'SIGINT' }
  /** kill -9 of the broker of events. */
  | { readonly kind: 'broker' }
  /** kill -9 of Envoy: what was under way is done, and its replies are lost. */
  | { readonly kind: 'gateway' }
  /** Delays and drops between services, for `ms`. */
  | { readonly kind: 'faults'; readonly faults: Faults; readonly ms: number };

/** A coordinator's lease: one that is not heard of for so long, in milliseconds, is overtaken. */
const leaseMs = 6_000;

/** An act and when, in milliseconds from the beginning. */
export type Planned = Act & { readonly at: number };

/**
 * What is done within `ms` to services with so many replicas, in order of time, with a broker or without. It follows
 * from these and the seed alone: a failing run is tried again by its seed.
 */
export function schedule(seed: number, ms: number, replicas: number, broker = false): Planned[] {
  const of = (service: string) => Array.from({ length: replicas }, (_, n) => `${service}-${n + 1}`);
  const instances = ['user', 'product', 'order'].flatMap(of);
  const random = (name: string) => seeded(seed).fork(name);
  const plans: [Random, [number, number], (random: Random) => Act][] = [
    [random('kill'), [1_500, 2_900], (r) => kill(r, instances, of)],
    [random('sidecar'), [5_000, 9_000], (r) => ({ kind: 'sidecar', victims: r.shuffle(instances) })],
    [random('pause'), [4_000, 7_500], (r) => pause(r, instances, of)],
    [random('database'), [18_000, 32_000], (r) => ({ kind: 'database', signal: databaseSignal(r) })],
    [random('gateway'), [25_000, 45_000], () => ({ kind: 'gateway' })],
    [random('faults'), [4_000, 6_500], faults],
  ];
  if (broker) plans.push([random('broker'), [6_000, 12_000], () => ({ kind: 'broker' })]);
  return plans
    .flatMap(([source, gap, act]) => {
      const planned: Planned[] = [];
      for (let at = source.integer(...gap); at < ms; at += source.integer(...gap)) {
        planned.push({ at, ...act(source) });
      }
      return planned;
    })
    .flatMap((act) => (outlastsLease(act) ? [slowCalls(act.at), act] : [act]))
    .sort((a, b) => a.at - b.at);
}

/** Mostly one instance, often of the coordinator; now and then a whole service. */
function kill(random: Random, instances: readonly string[], of: (service: string) => string[]): Act {
  if (random.percent(8)) {
    return { kind: 'kill', victims: of(random.pick(['user', 'product', 'order'])), all: true };
  }
  return { kind: 'kill', victims: preferred(random, instances, of), all: false };
}

const outlastsLease = (act: Act) => act.kind === 'pause' && act.ms > leaseMs;

/** Slow calls just before a coordinator is paused, so that it is in the middle of many transactions. */
function slowCalls(at: number): Planned {
  const faults = { delayPercent: 60, delayMs: 1_500, abortPercent: 0 };
  return { at: Math.max(0, at - 1_200), kind: 'faults', faults, ms: 1_400 };
}

/** Half of the pauses are of coordinators and outlast their lease: they are overtaken, and then go on. */
function pause(random: Random, instances: readonly string[], of: (service: string) => string[]): Act {
  if (random.percent(50)) {
    const victims = [...new Set([...random.shuffle(of('order')), ...random.shuffle(instances)])];
    return { kind: 'pause', victims, ms: random.integer(leaseMs + 500, 8_000) };
  }
  return { kind: 'pause', victims: random.shuffle(instances), ms: random.integer(1_000, leaseMs) };
}

function preferred(random: Random, instances: readonly string[], of: (service: string) => string[]) {
  const shuffled = random.shuffle(instances);
  return random.percent(35) ? [...new Set([...random.shuffle(of('order')), ...shuffled])] : shuffled;
}

const databaseSignal = (random: Random) => (random.percent(75) ? 'SIGKILL' : 'SIGINT');

function faults(random: Random): Act {
  const drops = random.percent(70);
  const delays = !drops || random.percent(50);
  return {
    kind: 'faults',
    ms: random.integer(2_000, 4_000),
    faults: {
      abortPercent: drops ? random.integer(10, 40) : 0,
      delayPercent: delays ? random.integer(10, 50) : 0,
      // Some longer than a call between services may take, so that it is given up while it waits.
      delayMs: random.percent(30) ? random.integer(3_000, 6_000) : random.integer(20, 1_000),
    },
  };
}
