import { clockMs } from './clock.ts';

/** What the parent asks for. */
export interface TakeOrder {
  /** False: others are measured now. Whoever polls is to leave it. */
  readonly awake: boolean;
  /** The time of each effect is wanted, too. */
  readonly timed: boolean;
}

/** What a taking process tells its parent. */
export interface Taken {
  /** How many have taken effect, since its start. */
  readonly taken: number;
  /** If asked for: each event's number, and when its effect was committed, of those that were not told before. */
  readonly effective: readonly (readonly [number: number, ms: number])[];
}

/** Few enough to cost nothing. */
const TELL_MS = 10;

/** How a taking process hears of its parent, and is heard. */
export interface Taking {
  /** To be called after each commit of effects. The parent is told some times a second. */
  tell(numbers: readonly number[]): void;
  /** Resolves when this process is wanted: at once, mostly. */
  awake(): Promise<void>;
}

/** Serves orders of the parent. */
export function serveTaking(): Taking {
  let taken = 0;
  let effective: [number, number][] = [];
  let telling = false;
  let timed = false;
  let called = Promise.withResolvers<void>();
  process.on('message', (order: TakeOrder) => {
    timed = order.timed;
    if (order.awake) called.resolve();
    else called = Promise.withResolvers();
  });
  process.on('disconnect', () => process.exit());
  return {
    awake: () => called.promise,

    tell(numbers) {
      const now = clockMs();
      taken += numbers.length;
      if (timed) for (const number of numbers) effective.push([number, now]);
      if (telling) return;
      telling = true;
      setTimeout(() => {
        telling = false;
        process.send?.({ taken, effective } satisfies Taken);
        effective = [];
      }, TELL_MS);
    },
  };
}
