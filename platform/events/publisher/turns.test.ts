import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

const signal = new AbortController().signal;

test('so many at once, then one for each that ends, in the order of their coming', async () => {
  const turns = createTurns(2);
  const first = await turns.take(signal);
  await turns.take(signal);
  const got: string[] = [];
  const third = turns.take(signal).then((release) => {
    got.push('third');
    return release;
  });
  const fourth = turns.take(signal).then(() => got.push('fourth'));
  await Promise.resolve();
  expect(got).toEqual([]);
  first();
  const release = await third;
  expect(got).toEqual(['third']);
  release();
  await fourth;
});

test('who gives up while waiting takes no turn', async () => {
  const turns = createTurns(1);
  const release = await turns.take(signal);
  const giving = new AbortController();
  const waiting = turns.take(giving.signal);
  giving.abort();
  await expect(waiting).rejects.toMatchObject({ kind: 'CANCELLED' });
  await expect(turns.take(giving.signal)).rejects.toMatchObject({ kind: 'CANCELLED' });
  release();
  await turns.take(signal);
});
