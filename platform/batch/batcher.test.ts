import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createBatcher } from './batcher.ts';

/** A run that is held until released, and records its batches. */
function heldRun() {
  const batches: number[][] = [];
  const release: (() => void)[] = [];
  const run = (keys: number[]): Promise<(string | Error)[]> => {
    batches.push(keys);
    return new Promise((resolve) => {
      release.push(() => resolve(keys.map((key) => (key < 0 ? new Error(`bad ${key}`) : `r${key}`))));
    });
  };
  return { batches, release, run };
}

test('calls of one turn share a run, and each caller gets its own result', async () => {
  const { batches, release, run } = heldRun();
  const load = createBatcher({ run, maxSize: 10 });
  const results = Promise.all([1, 2, 3, 4].map(load));
  await turn();
  release[0]?.();
  expect(await results).toEqual(['r1', 'r2', 'r3', 'r4']);
  expect(batches).toEqual([[1, 2, 3, 4]]);
});

test('an error entry fails its own caller only', async () => {
  const { release, run } = heldRun();
  const load = createBatcher({ run, maxSize: 10 });
  const results = Promise.allSettled([load(1), load(-2), load(3)]);
  await turn();
  release[0]?.();
  expect((await results).map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('a failed run fails its callers and the next run goes on', async () => {
  let calls = 0;
  const load = createBatcher<number, number>({
    run: async (keys) => {
      if (calls++ === 0) throw new Error('down');
      return keys;
    },
    maxSize: 1,
  });
  const [first, second] = await Promise.allSettled([load(1), load(2)]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'down' } });
  expect(second).toEqual({ status: 'fulfilled', value: 2 });
});

test('a run that throws instead of rejecting, or miscounts, fails its callers', async () => {
  const throwing = createBatcher<number, number>({
    run: () => {
      throw new Error('thrown');
    },
    maxSize: 10,
  });
  await expect(throwing(1)).rejects.toThrow('thrown');
  const short = createBatcher<number, number>({ run: async () => [], maxSize: 10 });
  await expect(short(1)).rejects.toThrow('a batch of 1 keys got 0 results');
});
