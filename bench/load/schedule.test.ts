import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/random.ts';
import { arrivals, type Course, callsOf, PROFILES, rateAt } from './schedule.ts';

const course: Course = { profile: 'steady', rate: 200, durationS: 100 };
const timesOf = (course: Course, seed = 1) => [...arrivals(course, seeded(seed))];

describe('the schedule of a load', () => {
  it.each(PROFILES)('of profile %s follows from its seed', (profile) => {
    expect(timesOf({ ...course, profile }, 7)).toEqual(timesOf({ ...course, profile }, 7));
    expect(timesOf({ ...course, profile }, 7)).not.toEqual(timesOf({ ...course, profile }, 8));
  });

  it.each(PROFILES)(
    'of profile %s is in order, within its time, and has as many calls as intended',
    (profile) => {
      const times = timesOf({ ...course, profile });
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(times[0]).toBeGreaterThanOrEqual(0);
      expect(times.at(-1)).toBeLessThan(course.durationS);
      // The number of a Poisson process varies by its square root.
      const intended = callsOf({ ...course, profile });
      expect(Math.abs(times.length - intended)).toBeLessThan(4 * Math.sqrt(intended));
    },
  );

  it('is a Poisson process: gaps are exponential', () => {
    const times = timesOf(course);
    const gaps = times.slice(1).map((time, n) => time - (times[n] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean).toBeCloseTo(1 / course.rate, 3);
    // Evenly spaced calls would have none, and those of a closed loop less.
    expect(deviation / mean).toBeGreaterThan(0.95);
    expect(deviation / mean).toBeLessThan(1.05);
    const long = gaps.filter((gap) => gap > mean).length / gaps.length;
    expect(long).toBeCloseTo(Math.exp(-1), 1);
  });

  it.each(['ramp', 'step'] as const)('of profile %s has the rate of each moment', (profile) => {
    const changing = { ...course, profile };
    const times = timesOf(changing);
    for (const middle of [10, 30, 50, 70, 90]) {
      const found = times.filter((time) => Math.abs(time - middle) < 5).length / 10;
      expect(Math.abs(found - rateAt(changing, middle))).toBeLessThan(
        4 * Math.sqrt(rateAt(changing, middle) / 10),
      );
    }
  });
});
