import { expect, test } from 'vitest';
import { isUuid, uuidv7, writeUuid } from './id.ts';

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

test('the bytes of an id are written where they belong', () => {
  const bytes = Buffer.alloc(18, 7);
  expect(writeUuid('00ff10a9-D8DE-728d-bBfB-0123456789ab', bytes, 1)).toBe(true);
  expect(bytes.toString('hex')).toBe('0700ff10a9d8de728dbbfb0123456789ab07');
});

test.each([
  '',
  'none',
  '01a203c4-d8de-728d-bbfb-00000000000',
  '01a203c4-d8de-728d-bbfb-0000000000000',
  '01a203c4xd8de-728d-bbfb-000000000000',
  '01a203c4-d8de-728d-bbfb000000000000-',
  '01a203c4-d8de-728d-bbfb-00000000000g',
  '01a203c4-d8de-728d-bbfb-0000000 0000',
  '01a203c4-d8de-728d-bbfb-00000000000\u{130}',
])('what is no UUID is told: %j', (value) => {
  expect(isUuid(value)).toBe(false);
  expect(writeUuid(value, new Uint8Array(16), 0)).toBe(false);
});

test('all sixteen digits are taken, in lower case alone', () => {
  for (const digit of '0123456789abcdef')
    expect(isUuid(`01a203c4-d8de-728d-bbfb-00000000000${digit}`)).toBe(true);
  for (const digit of 'ABCDEF') expect(isUuid(`01a203c4-d8de-728d-bbfb-00000000000${digit}`)).toBe(false);
});
