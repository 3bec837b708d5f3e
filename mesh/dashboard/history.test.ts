import { expect, test } from 'vitest';
import { createHistory } from './history.ts';

const bounds = { moments: 4, series: 3, durationMs: 10_000 };
const values = (entries: Record<string, number>) => new Map(Object.entries(entries));

test('what was added is read again, with gaps where a series had no value', () => {
  const history = createHistory(bounds);
  history.add(1_000, values({ a: 1 }));
  history.add(2_000, values({ b: 0.123456 }));
  history.add(3_000, values({ a: 3, b: 5 }));
  expect(history.read()).toEqual({
    times: [1_000, 2_000, 3_000],
    series: { a: [1, null, 3], b: [null, 0.1235, 5] },
  });
});

test('nothing is read of an empty one', () => {
  expect(createHistory(bounds).read()).toEqual({ times: [], series: {} });
});

test('the oldest moments go, by number and by age', () => {
  const history = createHistory(bounds);
  for (let n = 1; n <= 6; n++) history.add(n * 1_000, values({ a: n }));
  expect(history.read()).toEqual({ times: [3_000, 4_000, 5_000, 6_000], series: { a: [3, 4, 5, 6] } });
  history.add(14_500, values({ a: 7 }));
  expect(history.read()).toEqual({ times: [5_000, 6_000, 14_500], series: { a: [5, 6, 7] } });
});

test('series are bounded, and one that has no values any more makes room', () => {
  const history = createHistory(bounds);
  history.add(0, values({ a: 1, b: 1, c: 1, d: 1 }));
  expect(Object.keys(history.read().series)).toEqual(['a', 'b', 'c']);
  for (let n = 1; n <= 8; n++) history.add(n, values({ b: n, c: n, d: n }));
  expect(Object.keys(history.read().series).sort()).toEqual(['b', 'c', 'd']);
});
