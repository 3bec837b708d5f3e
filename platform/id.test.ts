import { expect, test } from 'vitest';
import { uuidv7 } from './id.ts';

test('ids are version 7, carry the time, and sort in the order they were made', () => {
  const before = Date.now();
  const ids = Array.from({ length: 20_000 }, uuidv7);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  const first = Number.parseInt((ids[0] as string).replaceAll('-', '').slice(0, 12), 16);
  expect(first).toBeGreaterThanOrEqual(before);
  expect(first - before).toBeLessThan(1000);
});
