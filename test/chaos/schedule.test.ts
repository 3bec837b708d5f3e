import { describe, expect, it } from 'vitest';
import { schedule } from './schedule.ts';

describe('the schedule of chaos', () => {
  it('follows from its seed', () => {
    expect(schedule(7, 60_000, 2)).toEqual(schedule(7, 60_000, 2));
    expect(schedule(7, 60_000, 2)).not.toEqual(schedule(8, 60_000, 2));
  });

  it('has in each minute at least 20 kills, pauses that outlast a lease, and all the rest', () => {
    for (let seed = 0; seed < 200; seed++) {
      const acts = schedule(seed, 60_000, 2);
      const count = (kind: string) => acts.filter((act) => act.kind === kind).length;
      expect(count('kill')).toBeGreaterThanOrEqual(20);
      expect(count('sidecar')).toBeGreaterThanOrEqual(5);
      expect(count('pause')).toBeGreaterThanOrEqual(6);
      expect(count('database')).toBeGreaterThanOrEqual(1);
      expect(count('gateway')).toBeGreaterThanOrEqual(1);
      expect(count('faults')).toBeGreaterThanOrEqual(5);
      expect(count('broker')).toBe(0);
      for (const act of acts) if (act.kind === 'pause') expect(act.ms).toBeLessThanOrEqual(8_000);
    }
    const longest = (seed: number) =>
      schedule(seed, 300_000, 2).reduce((ms, act) => (act.kind === 'pause' ? Math.max(ms, act.ms) : ms), 0);
    expect(longest(1)).toBeGreaterThan(6_500);
  });

  it('kills the broker where there is one, and leaves the rest as it is', () => {
    for (let seed = 0; seed < 200; seed++) {
      const acts = schedule(seed, 60_000, 2, true);
      expect(acts.filter(({ kind }) => kind === 'broker').length).toBeGreaterThanOrEqual(4);
      expect(acts.filter(({ kind }) => kind !== 'broker')).toEqual(schedule(seed, 60_000, 2));
    }
  });
});
