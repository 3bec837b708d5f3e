import { expect, test } from 'vitest';
import { createWindow, type Histogram, merged, quantiles, since } from './histogram.ts';

const histogram = (...buckets: [lower: number, width: number, count: number][]): Histogram =>
  new Map(buckets.map(([lower, width, count]) => [lower, { width, count }]));

test('a quantile lies within its bucket, in proportion', () => {
  const calls = histogram([10, 1, 50], [20, 10, 40], [100, 100, 10]);
  expect(quantiles(calls, [0.25, 0.5, 0.7, 0.95, 1])).toEqual([10.5, 11, 25, 150, 200]);
});

test('of nothing there is no quantile', () => {
  expect(quantiles(new Map(), [0.5])).toBeUndefined();
});

test('what came since is what a bucket has more; a process that started anew counts from nothing', () => {
  const before = histogram([1, 1, 5], [2, 1, 7]);
  expect(since(before, histogram([1, 1, 5], [2, 1, 9], [3, 1, 1]))).toEqual(histogram([2, 1, 2], [3, 1, 1]));
  expect(since(before, histogram([1, 1, 2]))).toEqual(histogram([1, 1, 2]));
  expect(since(undefined, before)).toEqual(before);
});

test('several add up', () => {
  expect(merged([histogram([1, 1, 1]), histogram([1, 1, 2], [5, 1, 3])])).toEqual(
    histogram([1, 1, 3], [5, 1, 3]),
  );
});

test('a window forgets', () => {
  const window = createWindow(2);
  window.add(histogram([1, 1, 1]));
  window.add(histogram([1, 1, 10]));
  expect(window.add(histogram([1, 1, 100]))).toEqual(histogram([1, 1, 110]));
});
