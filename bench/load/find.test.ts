import { describe, expect, it } from 'vitest';
import { complaint } from './budgets.ts';
import { findMax } from './find.ts';
import { simulateRun } from './testing/simulated-run.ts';

/** Trials on a model that can do so many calls a second. */
function search(perSecond: number, { trials = 100, settle = 0.98, from = 50 } = {}) {
  let seed = 1;
  let left = trials;
  return findMax({
    from,
    most: 10_000,
    timeLeft: () => --left > 0,
    async trial(rate, confirm) {
      const changes = { rate, durationS: confirm ? 20 : 6, seed: seed++ };
      // A longer trial finds a little less than a short one.
      const serviceMs = 1_000 / (confirm ? settle * perSecond : perSecond);
      return simulateRun({ serviceMs }, changes)
        .budgets.filter(({ verdict }) => verdict === 'broken')
        .map(complaint);
    },
  });
}

describe('the search for the highest rate', () => {
  it.each([130, 700, 1_100])('finds it where the shop can do %i calls a second', async (perSecond) => {
    const { rate, trials, cut } = await search(perSecond);
    expect(rate).toBeLessThanOrEqual(perSecond);
    expect(rate).toBeGreaterThan(0.5 * perSecond);
    expect(trials.length).toBeLessThan(25);
    expect(trials.at(-1)).toMatchObject({ rate, broken: [] });
    expect(cut).toBeUndefined();
  });

  it('goes down from the first rate where that is too much', async () => {
    const { rate } = await search(130, { from: 400 });
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(130);
  });

  it('does not call a rate confirmed that a longer trial breaks', async () => {
    const { rate, trials } = await search(700, { settle: 0.1 });
    expect(rate).toBe(0);
    expect(trials.at(-1)?.broken).not.toEqual([]);
  });

  it('ends when its time is over, and says so', async () => {
    const { rate, trials, cut } = await search(1_100, { trials: 4 });
    expect(cut).toBe('time');
    expect(trials.length).toBeLessThan(8);
    expect(rate).toBeGreaterThan(0);
  });
});
