import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createConvoy } from './convoy.ts';

/** Until what has ended in this turn of the loop has had its consequences in the next. */
async function turn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

test('calls begin together and end each by itself; the next begin when all have ended', async () => {
  const began: number[] = [];
  const finish = new Map<number, () => void>();
  const call = createConvoy(
    (item: number) => {
      began.push(item);
      return new Promise<string>((resolve) => finish.set(item, () => resolve(`r${item}`)));
    },
    { maxSize: 10, patienceMs: 60_000 },
  );
  const [first, second] = [call(1), call(2)];
  await turn();
  const third = call(3);
  finish.get(2)?.();
  expect(await second).toBe('r2');
  await turn();
  expect(began).toEqual([1, 2]);
  finish.get(1)?.();
  expect(await first).toBe('r1');
  await turn();
  expect(began).toEqual([1, 2, 3]);
  finish.get(3)?.();
  expect(await third).toBe('r3');
});

test("a call's failure is its own", async () => {
  const call = createConvoy(
    async (item: number) => {
      if (item === 2) throw new Error('no');
      return item;
    },
    { maxSize: 10 },
  );
  const results = await Promise.allSettled([call(1), call(2), call(3)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await call(4)).toBe(4);
});
