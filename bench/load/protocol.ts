import type { LoadSettings } from './config.ts';
import type { BookContents } from './order-book.ts';
import type { World } from './sessions.ts';

/** What a generator is told, once. */
export interface Assignment {
  /** Its part of the rate and of what may be under way, with a seed of its own. */
  readonly settings: LoadSettings;
  readonly world: World;
  /** host:port of the gateway. */
  readonly address: string;
  /** When the part that counts begins, in milliseconds since the epoch. */
  readonly startAt: number;
}

/** What a generator is told later: to begin no more calls. */
export const STOP = 'stop';

/** What a generator tells, a few times a second. */
export interface Batch {
  readonly kind: 'batch';
  /** The calls that came to an end, {@link FIELDS} numbers each. */
  readonly samples: Float64Array;
  /** Names that the numbers in samples stand for, those that are new. */
  readonly names: readonly string[];
  readonly outstanding: number;
  /** Processor time since the batch before, in microseconds, and the share of that time the event loop was busy. */
  readonly cpuMicros: number;
  readonly utilization: number;
  /** The longest that the event loop was late, in milliseconds. */
  readonly loopDelayMs: number;
}

/** What a generator tells at its end. */
export interface Farewell extends BookContents {
  readonly kind: 'farewell';
}

/** A call that came to an end. Times in microseconds. */
export interface Sample {
  /** When it was to begin, from the beginning of what counts; negative in the warm-up. */
  readonly due: number;
  /** How much later it began. */
  readonly late: number;
  /** From when it was to begin until it had its answer, repeats included. */
  readonly latency: number;
  readonly attempts: number;
  /** `GetProduct`; {@link NOT_SENT} for a call that was not sent. */
  readonly method: string;
  /** gRPC's code by name, with the service's reason: `OK`, `UNAVAILABLE`, `ABORTED STALE_ETAG`. */
  readonly code: string;
}

/** Stands for the method of a call that was not sent, because too many were under way. */
export const NOT_SENT = '(not sent)';

/** How many numbers a sample is on its way: the times, the attempts, and the numbers of its names. */
export const FIELDS = 6;

/** Packs samples. Names are told once, and are numbers from then on. */
export function createPacker() {
  const numbers = new Map<string, number>();
  let samples: number[] = [];
  let names: string[] = [];
  const numberOf = (name: string): number => {
    let number = numbers.get(name);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(name, number);
      names.push(name);
    }
    return number;
  };
  return {
    add({ due, late, latency, attempts, method, code }: Sample): void {
      samples.push(due, late, latency, attempts, numberOf(method), numberOf(code));
    },
    take() {
      const taken = { samples: Float64Array.from(samples), names };
      samples = [];
      names = [];
      return taken;
    },
  };
}

/** Unpacks what one packer packed, in its order. */
export function createUnpacker() {
  const known: string[] = [];
  return function* unpack({ samples, names }: Pick<Batch, 'samples' | 'names'>): Generator<Sample> {
    known.push(...names);
    for (let i = 0; i < samples.length; i += FIELDS) {
      const [due, late, latency, attempts, method, code] = samples.subarray(
        i,
        i + FIELDS,
      ) as unknown as number[];
      yield {
        due: due as number,
        late: late as number,
        latency: latency as number,
        attempts: attempts as number,
        method: known[method as number] as string,
        code: known[code as number] as string,
      };
    }
  };
}
