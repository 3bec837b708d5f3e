import { expect, onTestFinished, test } from 'vitest';
import { PARTITIONS } from '../event.ts';
import { type Cursor, type Entry, toEntry } from './entry.ts';
import { createLiveTail } from './live-tail.ts';
import type { LogStore, ReadLimit, Stretch } from './log-store.ts';

const MANY: ReadLimit = { events: 5_000, bytes: 10_000_000 };
const at = (upTo: bigint): Cursor => ({ after: Array(PARTITIONS).fill(0n), upTo });
const signal = new AbortController().signal;
const FOREVER = 2 ** 31 - 1;

/** A log whose reads can be held back, and a tail that hears nothing by itself. */
function parts() {
  let last = 0;
  let held: Promise<void> | undefined;
  let late = false;
  let failing = false;
  const reads: bigint[] = [];
  const entry = (position: number): Entry =>
    toEntry('test', {
      id: '',
      type: '',
      subject: '00000000-0000-7000-8000-000000000000',
      data: new Uint8Array(),
      traceparent: '',
      position: BigInt(position),
      time: 0,
    });
  const log: Pick<LogStore, 'read' | 'lastPosition'> = {
    async read(after, limit): Promise<Stretch> {
      const from = after[0] as bigint;
      reads.push(from);
      if (late) await held;
      const count = Math.min(limit.events, Math.max(0, last - Number(from)));
      await held;
      if (failing) throw new Error('away');
      const entries = Array.from({ length: count }, (_, n) => entry(Number(from) + n + 1));
      return { entries, full: count === limit.events, removed: false };
    },
    lastPosition: async () => BigInt(last),
  };
  const tail = createLiveTail({ listen: () => ({ close: async () => {} }) }, log);
  const stopping = new AbortController();
  onTestFinished(async () => {
    stopping.abort();
    await tail.stop();
  });
  return {
    tail,
    reads,
    /** As if this process had moved so many, which the log has then. */
    move: (count: number, entries = true) => {
      const positionBefore = BigInt(last);
      const moved = Array.from({ length: count }, (_, n) => entry(last + n + 1));
      last += count;
      tail.moved({ positionBefore, lastPosition: BigInt(last), entries: entries ? moved : undefined });
    },
    start: () => tail.start(stopping.signal),
    write: (count: number) => {
      last += count;
      return BigInt(last);
    },
    /** Holds reads back: their answers, or before they see what there is. */
    hold: (before = false) => {
      late = before;
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return () => {
        held = undefined;
        resolve();
      };
    },
    fail: (fails: boolean) => {
      failing = fails;
    },
  };
}

/** What comes after a position. A wait may end for nothing. */
async function next(tail: ReturnType<typeof parts>['tail'], position: bigint) {
  for (;;) {
    await tail.wait(position, FOREVER, signal);
    const found = tail.read(at(position), MANY);
    if (found?.events.length !== 0 || tail.stopped) return found;
  }
}

test('nothing is read while nobody waits', async () => {
  const { tail, write, reads } = parts();
  tail.poke(write(3));
  tail.poke();
  await Promise.resolve();
  expect(reads).toEqual([]);
  expect((await next(tail, 0n))?.events).toHaveLength(3);
});

test('what is told of during a read is read after it, although that read all that there was', async () => {
  const { tail, write, hold } = parts();
  tail.poke(write(1));
  const release = hold();
  const first = next(tail, 0n);
  tail.poke(write(2));
  release();
  expect((await first)?.upTo).toBe(1n);
  expect((await next(tail, 1n))?.upTo).toBe(3n);
});

test('what was read before it was told of is not read again', async () => {
  const { tail, write, reads } = parts();
  write(5);
  expect((await next(tail, 0n))?.upTo).toBe(5n);
  const waiting = next(tail, 5n);
  tail.poke(4n);
  tail.poke(5n);
  await new Promise(setImmediate);
  expect(reads).toEqual([0n]);
  tail.poke(write(1));
  expect((await waiting)?.upTo).toBe(6n);
});

test('a backlog is read to its end', async () => {
  const { tail, write } = parts();
  await Promise.all([next(tail, 0n), tail.poke(write(1))]);
  write(2_500);
  tail.poke();
  let position = 1n;
  for (let batches = 0; batches < 3; batches++) position = (await next(tail, position))?.upTo ?? 0n;
  expect(position).toBe(2_501n);
});

test('what this process moves is not read', async () => {
  const { tail, move, write, reads } = parts();
  write(1);
  await next(tail, 0n);
  const waiting = next(tail, 1n);
  move(3);
  expect((await waiting)?.upTo).toBe(4n);
  move(2);
  expect(tail.read(at(4n), MANY)?.events).toHaveLength(2);
  expect(reads).toEqual([0n]);
});

test('what this process moves is read where it came without the events, or after a gap', async () => {
  const { tail, move, write, reads } = parts();
  write(1);
  await next(tail, 0n);
  let waiting = next(tail, 1n);
  move(2, false);
  expect((await waiting)?.events).toHaveLength(2);
  waiting = next(tail, 3n);
  write(1);
  move(1);
  expect((await waiting)?.events).toHaveLength(2);
  expect(reads).toEqual([0n, 1n, 3n]);
});

test('what this process moves during a read comes once', async () => {
  const { tail, move, write, hold } = parts();
  write(1);
  await next(tail, 0n);
  const release = hold(true);
  const waiting = next(tail, 1n);
  tail.poke();
  move(1);
  release();
  await waiting;
  await new Promise(setImmediate);
  expect(tail.read(at(1n), MANY)?.events).toHaveLength(1);
});

test('it is followed for as long as any stream is there', () => {
  const { tail } = parts();
  const leave = [tail.join(), tail.join()];
  leave[0]?.();
  expect(tail.followed).toBe(true);
  leave[1]?.();
  expect(tail.followed).toBe(false);
});

test('it looks by itself: a notification may be lost', async () => {
  const { tail, start, write } = parts();
  start();
  await Promise.all([next(tail, 0n), tail.poke(write(1))]);
  const waiting = next(tail, 1n);
  write(1);
  expect((await waiting)?.upTo).toBe(2n);
});

test('what streams have read for themselves is not read for them', async () => {
  const { tail, write, reads } = parts();
  write(10_000);
  await Promise.all([tail.wait(10_000n, FOREVER, signal), tail.poke(write(1))]);
  expect(reads).toEqual([10_000n]);
  expect(tail.read(at(9_999n), MANY)).toBeUndefined();
});

test('who waits is told when the log cannot be read, and reading goes on for who waits then', async () => {
  const { tail, write, fail } = parts();
  fail(true);
  await expect(next(tail, 0n)).rejects.toThrow('away');
  fail(false);
  tail.poke(write(2));
  expect((await next(tail, 0n))?.upTo).toBe(2n);
});

test('a wait ends with its time, its signal and the stop', async () => {
  const { tail } = parts();
  await tail.wait(0n, 5, signal);
  const ending = new AbortController();
  const waiting = tail.wait(0n, FOREVER, ending.signal);
  ending.abort();
  await waiting;
  await tail.wait(0n, FOREVER, ending.signal);
  const other = tail.wait(0n, FOREVER, signal);
  await tail.stop();
  await other;
  await tail.wait(0n, FOREVER, signal);
  expect(tail.stopped).toBe(true);
});
