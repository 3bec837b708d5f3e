import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBell, pause } from './bell.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Whether a promise has resolved by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return over;
}

test('it ends the wait, or the next one, and no other', async () => {
  const bell = createBell();
  const first = bell.wait(1_000);
  expect(await isOver(first)).toBe(false);
  bell.ring();
  expect(await isOver(first)).toBe(true);
  expect(await isOver(bell.wait(1_000))).toBe(false);
  bell.ring();
  bell.ring();
  expect(await isOver(bell.wait(1_000))).toBe(true);
  expect(await isOver(bell.wait(1_000))).toBe(false);
});

test('a wait ends after its time, and at an abort', async () => {
  const waiting = createBell().wait(1_000);
  await vi.advanceTimersByTimeAsync(999);
  expect(await isOver(waiting)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await isOver(waiting)).toBe(true);

  const controller = new AbortController();
  const endless = createBell().wait(Number.POSITIVE_INFINITY, controller.signal);
  await vi.advanceTimersByTimeAsync(1e9);
  expect(await isOver(endless)).toBe(false);
  controller.abort();
  expect(await isOver(endless)).toBe(true);
  expect(await isOver(pause(1_000, controller.signal))).toBe(true);
});
