import { clockMs } from './clock.ts';

/** What the parent asks for: the time of each effect, or not. */
export interface TakeOrder {
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

/** Tells the parent of effects, some times a second. Returns what is to be called after each commit of some. */
export function serveTaking(): (numbers: readonly number[]) => void {
  let taken = 0;
  let effective: [number, number][] = [];
  let telling = false;
  let timed = false;
  process.on('message', (order: TakeOrder) => {
    timed = order.timed;
  });
  process.on('disconnect', () => process.exit());
  return (numbers) => {
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
  };
}
