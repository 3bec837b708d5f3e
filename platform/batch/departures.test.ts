import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createDepartures, type DepartureOptions } from './departures.ts';

/** Until what has ended in this turn of the loop has had its consequences in the next. */
async function turn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

/** Departures whose runs stay under way until they are released, and when each began. */
function held(options: Partial<DepartureOptions> = {}) {
  const runs: number[][] = [];
  const starts: number[] = [];
  const release: (() => void)[] = [];
  const depart = createDepartures(
    (items: number[]) => {
      runs.push(items);
      starts.push(performance.now());
      return new Promise<void>((resolve) => release.push(resolve));
    },
    { maxSize: 10, ...options },
  );
  return { runs, starts, release, depart };
}

test('a lone item sets out in the turn that it comes in', async () => {
  const { runs, depart } = held({ gatherMs: 60_000 });
  depart(1);
  await turn();
  expect(runs).toEqual([[1]]);
});

test('what comes during a run waits for its end, and then goes together, in order', async () => {
  const { runs, release, depart } = held({ patienceMs: 60_000 });
  depart(1);
  depart(2);
  await turn();
  depart(3);
  await turn();
  depart(4);
  await turn();
  expect(runs).toEqual([[1, 2]]);
  release[0]?.();
  await turn();
  expect(runs).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test('a run that is away for too long holds up nothing more', async () => {
  const { runs, starts, depart } = held({ patienceMs: 40 });
  depart(1);
  await turn();
  depart(2);
  await expect.poll(() => runs).toEqual([[1], [2]]);
  expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(39);
});

test('a full run starts beside another, up to maxInFlight', async () => {
  const { runs, release, depart } = held({ maxSize: 2, maxInFlight: 3, patienceMs: 60_000 });
  for (const item of [1, 2, 3, 4, 5, 6, 7, 8, 9]) depart(item);
  await turn();
  expect(runs).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  release[1]?.();
  await turn();
  expect(runs.slice(3)).toEqual([[7, 8]]);
});

test('with gatherMs, runs start no closer to each other than that', async () => {
  const { runs, starts, release, depart } = held({ gatherMs: 40 });
  depart(1);
  await turn();
  release[0]?.();
  depart(2);
  await sleep(5);
  depart(3);
  await expect.poll(() => runs).toEqual([[1], [2, 3]]);
  expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(39);
});

test('nothing that comes is forgotten, however runs end', async () => {
  const seen: number[] = [];
  const depart = createDepartures(
    async (items: number[]) => {
      if (items.length % 2 === 0) await sleep(1);
      seen.push(...items);
    },
    { maxSize: 7, maxInFlight: 2, patienceMs: 2, gatherMs: 1 },
  );
  for (let item = 0; item < 500; item++) {
    depart(item);
    if (item % 11 === 0) await turn();
    if (item % 97 === 0) await sleep(2);
  }
  await expect.poll(() => seen.length).toBe(500);
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, item) => item));
});

test('sizes below 1 are refused', () => {
  expect(() => createDepartures(async () => {}, { maxSize: 0 })).toThrow(RangeError);
  expect(() => createDepartures(async () => {}, { maxSize: 1, maxInFlight: 0 })).toThrow(RangeError);
});
