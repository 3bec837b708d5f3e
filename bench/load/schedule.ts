import type { Random } from '../../test/random.ts';

/** How the rate changes: not at all, evenly from 0, or in five equal steps up to it. */
export const PROFILES = ['steady', 'ramp', 'step'] as const;
export type Profile = (typeof PROFILES)[number];

/** How many steps PROFILE=step has. */
export const STEPS = 5;

/** A load's course. `rate` in calls a second, at its highest. */
export interface Course {
  readonly profile: Profile;
  readonly rate: number;
  readonly durationS: number;
}

/** Calls a second that a course intends `seconds` after its beginning. */
export function rateAt({ profile, rate, durationS }: Course, seconds: number): number {
  if (profile === 'steady') return rate;
  const part = Math.min(1, Math.max(0, seconds / durationS));
  if (profile === 'ramp') return rate * part;
  return (rate * Math.min(STEPS, Math.floor(part * STEPS) + 1)) / STEPS;
}

/** How many calls a course intends. */
export function callsOf({ profile, rate, durationS }: Course): number {
  const share = { steady: 1, ramp: 1 / 2, step: (STEPS + 1) / 2 / STEPS }[profile];
  return rate * durationS * share;
}

/**
 * When calls begin, in seconds from the beginning, in order: a Poisson process, which is what many people who know
 * nothing of each other make. It is decided before any answer is there.
 */
export function* arrivals(course: Course, random: Random): Generator<number, void> {
  const total = callsOf(course);
  let expected = 0;
  for (;;) {
    // At a rate of one the gaps of a Poisson process are exponential with a mean of one.
    expected -= Math.log(1 - random.next());
    if (!(expected < total)) return;
    yield timeOf(course, expected);
  }
}

/** When a course has brought so many calls on average: the inverse of the sum of its rate. */
function timeOf({ profile, rate, durationS }: Course, calls: number): number {
  if (profile === 'steady') return calls / rate;
  if (profile === 'ramp') return Math.sqrt((2 * calls * durationS) / rate);
  const stepS = durationS / STEPS;
  let left = calls;
  for (let step = 1; ; step++) {
    const stepRate = (rate * step) / STEPS;
    if (left < stepRate * stepS || step === STEPS) return (step - 1) * stepS + left / stepRate;
    left -= stepRate * stepS;
  }
}
