import { build, type Histogram } from 'hdr-histogram-js';
import { NOT_SENT, type Sample } from './protocol.ts';

/** The run is looked at in so many equal parts, to tell what differs by chance. */
export const SLICES = 10;
/** A call that begins so much later than it should, in milliseconds, is late. */
export const LATE_MS = 10;

/** What a method's calls came to. Latencies in microseconds. */
export interface MethodTally {
  calls: number;
  /** Calls that needed more than one attempt. */
  repeated: number;
  readonly failures: Map<string, number>;
  readonly latency: Histogram;
  /** Latencies of each tenth of the run. */
  readonly slices: readonly Histogram[];
}

/** What the calls came to that were due in one second. */
export interface SecondTally {
  /** Calls that began, with those that were not sent. */
  due: number;
  /** Calls that had their answer in this second, whenever they were due. */
  answered: number;
  readonly failures: Map<string, number>;
  readonly latency: Histogram;
  /** The latest that a call began, in microseconds. */
  latest: number;
}

/** Counts the calls of a run, of all generators together. Those of the warm-up are left out. */
export interface Tally {
  add(sample: Sample): void;
  readonly methods: ReadonlyMap<string, MethodTally>;
  readonly seconds: readonly SecondTally[];
  /** How late calls began, in microseconds. */
  readonly lateness: Histogram;
  /** Calls that began late. */
  readonly late: number;
  readonly notSent: number;
  readonly warmUpCalls: number;
}

const MOST_US = 120_000_000;

/** A histogram of microseconds with so many significant digits. */
export function histogram(digits: 1 | 2 | 3 = 3): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MOST_US,
    numberOfSignificantValueDigits: digits,
  });
}

const record = (into: Histogram, micros: number) =>
  into.recordValue(Math.min(MOST_US, Math.max(0, Math.round(micros))));

const count = (into: Map<string, number>, name: string) => into.set(name, (into.get(name) ?? 0) + 1);

/** An empty tally of a run of so many seconds. */
export function createTally(durationS: number): Tally {
  const methods = new Map<string, MethodTally>();
  const seconds: SecondTally[] = [];
  const lateness = histogram();
  const counts = { late: 0, notSent: 0, warmUpCalls: 0 };

  const methodOf = (name: string): MethodTally => {
    let found = methods.get(name);
    if (!found) {
      const slices = Array.from({ length: SLICES }, () => histogram(2));
      found = { calls: 0, repeated: 0, failures: new Map(), latency: histogram(), slices };
      methods.set(name, found);
    }
    return found;
  };
  const secondOf = (micros: number): SecondTally => {
    const index = Math.floor(micros / 1e6);
    while (seconds.length <= index) {
      seconds.push({ due: 0, answered: 0, failures: new Map(), latency: histogram(2), latest: 0 });
    }
    return seconds[index] as SecondTally;
  };

  return {
    methods,
    seconds,
    lateness,
    get late() {
      return counts.late;
    },
    get notSent() {
      return counts.notSent;
    },
    get warmUpCalls() {
      return counts.warmUpCalls;
    },
    add({ due, late, latency, attempts, method, code }) {
      if (due < 0) {
        counts.warmUpCalls += 1;
        return;
      }
      const second = secondOf(due);
      second.due += 1;
      second.latest = Math.max(second.latest, late);
      record(lateness, late);
      if (late > LATE_MS * 1_000) counts.late += 1;
      if (method === NOT_SENT) {
        counts.notSent += 1;
        count(second.failures, code);
        return;
      }
      const tally = methodOf(method);
      tally.calls += 1;
      if (attempts > 1) tally.repeated += 1;
      if (code !== 'OK') {
        count(tally.failures, code);
        count(second.failures, code);
      }
      record(tally.latency, latency);
      record(second.latency, latency);
      const slice = Math.min(SLICES - 1, Math.floor((due / 1e6 / durationS) * SLICES));
      record(tally.slices[slice] as Histogram, latency);
      secondOf(due + latency).answered += 1;
    },
  };
}

/** All methods' latencies together. */
export function together({ methods }: Pick<Tally, 'methods'>): Histogram {
  const all = histogram();
  for (const { latency } of methods.values()) all.add(latency);
  return all;
}

/** A sum of numbers. */
export const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};
