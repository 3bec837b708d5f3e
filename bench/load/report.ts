import { encodeIntoCompressedBase64, type Histogram, type JsHistogram } from 'hdr-histogram-js';
import type { Verdict } from './budgets.ts';
import type { LoadSettings } from './config.ts';
import type { Environment } from './environment.ts';
import type { Found } from './find.ts';
import type { InvariantResult } from './invariants.ts';
import { rateAt, STEPS } from './schedule.ts';
import type { ShopUse } from './shop-use.ts';
import { histogram, type MethodTally, type SecondTally, sum, type Tally, together } from './tally.ts';

/** The schema of report.json. It changes with each change that a reader would trip over. */
export const SCHEMA = 'souk.load/1';

/** In milliseconds, from when a call was to begin. */
export interface Latency {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What calls came to. */
export interface CallFigures {
  readonly calls: number;
  readonly perSecond: number;
  readonly failed: number;
  /** Failed calls, by gRPC's code and the service's reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Calls that the generator sent more than once, whatever came of it. */
  readonly repeated: number;
  readonly latencyMs: Latency;
}

/** The heads of a table of calls, as people read it, after the one of their names. */
export const callHeads = [
  ...['calls', 'calls/s', 'failed', 'repeated', 'by mesh'],
  ...['p50', 'p90', 'p99', 'p99.9', 'max'],
];
/** The same of the calls of a part of the run. */
export const partHeads = ['calls', 'failed', 'p50', 'p90', 'p99', 'max'];

/** What the calls of one method came to. */
export interface MethodFigures extends CallFigures {
  readonly method: string;
  /** Of each tenth of the run. */
  readonly slices: readonly { readonly calls: number; readonly p50: number; readonly p99: number }[];
  /** How many calls took up to so many milliseconds, more than the bound before. */
  readonly buckets: readonly { readonly upToMs: number; readonly calls: number }[];
  /** The whole histogram in microseconds, in HdrHistogram's own encoding (V2, compressed, base64). */
  readonly histogram: string;
}

/** One second of a run, by when calls were due; `answered` by when they were answered. */
export interface SecondFigures {
  readonly second: number;
  readonly intended: number;
  readonly due: number;
  readonly answered: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** The latest that a call began, in milliseconds. */
  readonly latestMs: number;
  /** What the generators used, as shares of a core. */
  readonly generatorCpu: number;
}

/** What a fifth of a run came to whose rate changes, by when calls were due; there is none where none were. */
export interface PartFigures {
  /** The intended rate in its middle. */
  readonly rate: number;
  readonly calls: number;
  readonly failed: number;
  readonly latencyMs: Latency;
}

/** How well the generators did: whether what was measured is the shop. */
export interface GeneratorFigures {
  readonly processes: number;
  /** As shares of a core: on average, and of the one process that used the most in a second. */
  readonly cpuMean: number;
  readonly cpuMost: number;
  /** The busiest event loop's share of its time, in the worst second. */
  readonly busiest: number;
  readonly loopDelayMs: number;
  /** How much later than intended calls began, in milliseconds. */
  readonly lateness: Latency;
  /** Calls that began more than 10 ms late. */
  readonly late: number;
  /** Calls that were not sent, as OUTSTANDING were under way. */
  readonly notSent: number;
  /** Why its figures are not to be trusted; empty if they are. */
  readonly warnings: readonly string[];
}

/** What report.json holds. */
export interface Report {
  readonly schema: typeof SCHEMA;
  /** ISO 8601. */
  readonly begun: string;
  readonly settings: LoadSettings;
  readonly environment: Environment;
  /** Ended by Ctrl-C: what follows is of what had been done. */
  readonly interrupted: boolean;
  /** How long calls were begun, in seconds. */
  readonly seconds: number;
  readonly warmUpCalls: number;
  readonly all: CallFigures;
  readonly methods: readonly MethodFigures[];
  readonly timeline: readonly SecondFigures[];
  /** Empty where the rate was steady. */
  readonly parts: readonly PartFigures[];
  readonly generator: GeneratorFigures;
  readonly shop: ShopUse;
  readonly budgets: readonly Verdict[];
  readonly invariants: InvariantResult | undefined;
  /** Where this is the last trial of a search for the highest rate. */
  readonly search?: Found;
  /** What failed the run, a line each; empty if it passed. */
  readonly failures: readonly string[];
}

/** A histogram's figures in milliseconds. */
export function latencyOf(histogram: Histogram): Latency {
  const most = histogram.maxValue;
  // Each is the upper end of its bucket.
  const at = (percentile: number) =>
    round(Math.min(most, histogram.getValueAtPercentile(percentile)) / 1_000);
  if (histogram.totalCount === 0) return { mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  return {
    mean: round(histogram.mean / 1_000),
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: round(most / 1_000),
  };
}

/** The figures of all calls together; those that were not sent have failed. */
export function allCalls(tally: Tally, seconds: number): CallFigures {
  const methods = [...tally.methods.values()];
  const failures: Record<string, number> = {};
  for (const second of tally.seconds)
    for (const [code, count] of second.failures) failures[code] = (failures[code] ?? 0) + count;
  const calls = sum(methods.map((one) => one.calls)) + tally.notSent;
  return {
    calls,
    perSecond: round(calls / seconds),
    failed: sum(Object.values(failures)),
    failures,
    repeated: sum(methods.map(({ repeated }) => repeated)),
    latencyMs: latencyOf(together(tally)),
  };
}

/** The figures of each method, the most called first. */
export function methodsOf({ methods }: Tally, seconds: number): MethodFigures[] {
  const figures = [...methods].map(([method, tally]) => methodFigures(method, tally, seconds));
  return figures.sort((a, b) => b.calls - a.calls);
}

function methodFigures(method: string, tally: MethodTally, seconds: number): MethodFigures {
  const { calls, repeated, failures, latency, slices } = tally;
  return {
    method,
    calls,
    perSecond: round(calls / seconds),
    failed: sum(failures.values()),
    failures: Object.fromEntries(failures),
    repeated,
    latencyMs: latencyOf(latency),
    slices: slices.map((slice) => {
      const { p50, p99 } = latencyOf(slice);
      return { calls: slice.totalCount, p50, p99 };
    }),
    buckets: bucketsOf(latency),
    histogram: encodeIntoCompressedBase64(latency),
  };
}

/** Six buckets for each doubling. */
const BUCKETS_PER_DOUBLING = 6;

function bucketsOf(histogram: Histogram) {
  const counts = new Map<number, number>();
  const iterator = (histogram as JsHistogram).recordedValuesIterator;
  iterator.reset();
  while (iterator.hasNext()) {
    const { valueIteratedTo, countAddedInThisIterationStep } = iterator.next();
    const bucket = Math.ceil(Math.log2(Math.max(1, valueIteratedTo)) * BUCKETS_PER_DOUBLING);
    counts.set(bucket, (counts.get(bucket) ?? 0) + countAddedInThisIterationStep);
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([bucket, calls]) => ({ upToMs: round(2 ** (bucket / BUCKETS_PER_DOUBLING) / 1_000), calls }));
}

/** The figures of each second. `cpu`: what the generators used in each, as shares of a core. */
export function timelineOf(
  seconds: readonly SecondTally[],
  settings: LoadSettings,
  cpu: readonly number[],
): SecondFigures[] {
  return seconds.map((one, second) => {
    const { p50, p90, p99, max } = latencyOf(one.latency);
    return {
      second,
      intended: second < settings.durationS ? round(rateAt(settings, second + 0.5)) : 0,
      due: one.due,
      answered: one.answered,
      failures: Object.fromEntries(one.failures),
      ...{ p50, p90, p99, max },
      latestMs: round(one.latest / 1_000),
      generatorCpu: round(cpu[second] ?? 0),
    };
  });
}

/** The figures of each step, or each fifth of a ramp. */
export function partsOf(seconds: readonly SecondTally[], settings: LoadSettings): PartFigures[] {
  const { profile, durationS } = settings;
  if (profile === 'steady') return [];
  return Array.from({ length: STEPS }, (_, part) => {
    const within = seconds.filter((_, second) => Math.floor(((second + 0.5) / durationS) * STEPS) === part);
    const latency = histogram(2);
    for (const one of within) latency.add(one.latency);
    return {
      rate: round(rateAt(settings, ((part + 0.5) / STEPS) * durationS)),
      calls: sum(within.map(({ due }) => due)),
      failed: sum(within.flatMap(({ failures }) => [...failures.values()])),
      latencyMs: latencyOf(latency),
    };
  }).filter(({ calls }) => calls > 0);
}

/** To a thousandth. */
export const round = (value: number): number => Math.round(value * 1_000) / 1_000;
