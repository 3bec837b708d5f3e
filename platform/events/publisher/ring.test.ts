import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PARTITIONS } from '../event.ts';
import { type Cursor, cursorAt, type Entry, NOT_FOLLOWED, remaining, toEntry } from './entry.ts';
import { createRing } from './ring.ts';

const MANY = { events: 500, bytes: 1_000_000 };
const entry = (position: number, partition = position % PARTITIONS, bytes = 10): Entry =>
  toEntry('test', {
    id: '',
    type: 'test.v1.Said',
    subject: `00000000-0000-7000-8000-0000000000${partition.toString(16).padStart(2, '0')}`,
    data: new Uint8Array(bytes),
    traceparent: '',
    position: BigInt(position),
    time: 0,
  });
const all = (upTo: bigint): Cursor => ({ after: Array(PARTITIONS).fill(0n), upTo });
const emptyRing = (limit = MANY) => {
  const ring = createRing(limit);
  ring.reset(0n);
  return ring;
};
const positionsOf = (batch: { events: readonly { position: bigint }[] } | undefined) =>
  batch?.events.map(({ position }) => Number(position));

test('a stream reads on from where it is, over gaps', () => {
  const ring = emptyRing();
  ring.append([1, 2, 5, 9].map((position) => entry(position)));
  expect(positionsOf(ring.read(all(0n), MANY))).toEqual([1, 2, 5, 9]);
  expect(positionsOf(ring.read(all(3n), MANY))).toEqual([5, 9]);
  expect(ring.read(all(9n), MANY)).toEqual({ events: [], upTo: 9n });
});

test('a stream that is not within what is kept is told so, and one that is just there is not', () => {
  const ring = emptyRing({ events: 4, bytes: 1_000_000 });
  ring.append([1, 2, 3, 4, 5].map((position) => entry(position)));
  expect(ring.start).toBe(3n);
  expect(ring.read(all(2n), MANY)).toBeUndefined();
  expect(positionsOf(ring.read(all(3n), MANY))).toEqual([4, 5]);
  ring.reset(20n);
  for (const position of [5n, 21n]) expect(ring.read(all(position), MANY)).toBeUndefined();
  expect(ring.read(all(20n), MANY)).toEqual({ events: [], upTo: 20n });
});

test('it is bounded by bytes as well, also when one event is larger than it', () => {
  const ring = emptyRing({ events: 100, bytes: 2_000 });
  ring.append(Array.from({ length: 30 }, (_, n) => entry(n + 1, 0, 200)));
  expect(positionsOf(ring.read(all(ring.start), MANY))?.length).toBeLessThanOrEqual(5);
  ring.append([entry(31, 0, 5_000)]);
  expect(ring.read(all(30n), MANY)).toBeUndefined();
  expect([ring.start, ring.head]).toEqual([31n, 31n]);
});

test('a new one holds nothing, also for a stream that begins', () => {
  expect(createRing(MANY).read(all(0n), MANY)).toBeUndefined();
});

test('a batch holds what its limits allow, and at least one event', () => {
  const ring = emptyRing();
  ring.append([entry(1), entry(2), entry(3)]);
  expect(ring.read(all(0n), { events: 2, bytes: 1_000_000 })).toMatchObject({ upTo: 2n });
  expect(positionsOf(ring.read(all(0n), { events: 500, bytes: 1 }))).toEqual([1]);
});

test('a stream gets its partitions only, each after its own position', () => {
  const ring = emptyRing();
  ring.append([1, 2, 9, 10, 17, 18].map((position) => entry(position)));
  const cursor = cursorAt(
    new Map([
      [1, 1n],
      [2, 10n],
    ]),
  );
  expect(cursor.upTo).toBe(1n);
  expect(positionsOf(ring.read(cursor, MANY))).toEqual([9, 17, 18]);
  expect(remaining({ ...cursor, upTo: 5n }).map((position) => position === NOT_FOLLOWED)).toEqual(
    Array.from({ length: PARTITIONS }, (_, partition) => partition !== 1 && partition !== 2),
  );
});

test('whatever the sizes, a stream that is never behind gets each event once and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ gap: fc.integer({ min: 1, max: 3 }), bytes: fc.nat(400) }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 7 }),
      (steps, kept, batch) => {
        const ring = emptyRing({ events: kept, bytes: 3_000 });
        let [position, cursor] = [0, all(0n)];
        const seen: number[] = [];
        for (const { gap, bytes } of steps) {
          position += gap;
          ring.append([entry(position, 0, bytes)]);
          for (let more = true; more; ) {
            const found = ring.read(cursor, { events: batch, bytes: 500 });
            // Only one that is larger than all the room.
            if (found === undefined) return;
            seen.push(...(positionsOf(found) ?? []));
            cursor = { ...cursor, upTo: found.upTo };
            more = found.events.length > 0;
          }
          expect(cursor.upTo).toBe(BigInt(position));
        }
        expect(seen).toHaveLength(steps.length);
        expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      },
    ),
  );
});
