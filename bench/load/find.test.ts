import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/random.ts';
import { findMax, foundWords, stoppedEarly } from './find.ts';

/** The longest 99th percentile that the model's budget bears, in milliseconds. */
const BUDGET_MS = 100;

/** What can be done of the model is what its queue bears, which is somewhat less. */
const bearable = (perSecond: number) => perSecond - (Math.log(100) * 1_000) / BUDGET_MS;

/**
 * A search on a shop that is modelled as one queue (M/M/1) that serves so many calls a second, give or take a tenth from
 * trial to trial. Longer trials find `worn` of that.
 */
function search(perSecond: number, { trials = 100, worn = 1, from = 50 } = {}) {
  const random = seeded(perSecond);
  let left = trials;
  return findMax({
    from,
    most: 10_000,
    timeLeft: () => --left > 0,
    async trial(rate, confirm) {
      const serves = (confirm ? worn : 1) * perSecond * (0.95 + random.next() / 10);
      const p99 = rate < serves ? (Math.log(100) * 1_000) / (serves - rate) : Number.POSITIVE_INFINITY;
      return p99 <= BUDGET_MS ? [] : [`p99 is ${p99.toFixed(0)} ms, its budget ${BUDGET_MS} ms`];
    },
  });
}

describe('the search for the highest rate', () => {
  it.each([130, 700, 3_000])('finds it where the shop serves %i calls a second', async (perSecond) => {
    const { rate, trials, cut } = await search(perSecond);
    expect(rate).toBeLessThanOrEqual(1.05 * bearable(perSecond));
    expect(rate).toBeGreaterThan(0.75 * bearable(perSecond));
    expect(trials.length).toBeLessThan(25);
    expect(trials.at(-1)).toMatchObject({ rate, broken: [] });
    expect(cut).toBeUndefined();
  });

  it('goes down from the first rate where that is too much', async () => {
    const { rate } = await search(130, { from: 400 });
    expect(rate).toBeGreaterThan(0.75 * bearable(130));
    expect(rate).toBeLessThan(130);
  });

  it('goes below what a longer trial does not confirm', async () => {
    const { rate, trials } = await search(700, { worn: 0.8 });
    expect(rate).toBeLessThan(0.8 * 700);
    expect(trials.at(-1)).toMatchObject({ rate, broken: [] });
    const never = await search(700, { worn: 0.1 });
    expect(never.rate).toBe(0);
    expect(never.trials.at(-1)?.broken).not.toEqual([]);
  });

  it('stops at the highest rate that is tried', async () => {
    expect(await search(50_000)).toMatchObject({ rate: 10_000, cut: 'highest' });
  });

  it('ends when its time is over, and says so', async () => {
    const { rate, trials, cut } = await search(3_000, { trials: 4 });
    expect(cut).toBe('time');
    expect(trials.length).toBeLessThan(8);
    expect(rate).toBeGreaterThan(0);
  });

  it('says of one that was stopped what it had found', () => {
    const trials = [
      { rate: 20, broken: [] },
      { rate: 40, broken: ['stopped'] },
    ];
    const found = stoppedEarly({ rate: 0, trials, cut: 'time' });
    expect(found.trials).toEqual([{ rate: 20, broken: [] }]);
    expect(foundWords(found)).toContain('kept at 20 calls a second');
    expect(foundWords(stoppedEarly({ rate: 0, trials: [], cut: 'time' }))).toMatch(
      /^Stopped .* confirmed\.$/,
    );
  });
});
