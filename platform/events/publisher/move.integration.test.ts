import { beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../id.ts';
import { appendEvents } from '../outbox.ts';
import { createLogStore, type Move, move } from './log-store.ts';
import { newTestEvent, publisherDatabase, textOf } from './test-publisher.ts';

const { sql } = await publisherDatabase();
const log = createLogStore(sql, 'test');
beforeEach(() => sql.unsafe('truncate events, outbox'));

const append = (...texts: string[]) =>
  appendEvents(
    sql,
    texts.map((text) => newTestEvent(uuidv7(), text)),
  );
const textsOf = ({ entries }: Move) => entries?.map(({ event }) => textOf(event));

test('a move tells its events, in the order of their positions, and what was before them', async () => {
  await append('a', 'b', 'c');
  const first = await log.move(2, 0n, 1_000);
  expect(textsOf(first)).toEqual(['a', 'b']);
  const positions = first.entries?.map(({ event }) => event.position);
  expect(positions).toEqual([first.positionBefore + 1n, first.positionBefore + 2n]);
  const second = await log.move(2, 0n, 1_000);
  expect(textsOf(second)).toEqual(['c']);
  expect(second.positionBefore).toBe(first.lastPosition);
  const third = await log.move(2, 0n, 1_000);
  expect(third).toMatchObject({ moved: 0, lastPosition: null, positionBefore: second.lastPosition });
});

test('events whose data is more than was asked for are moved and counted, and not told', async () => {
  await append('a'.repeat(300), 'b'.repeat(300));
  const { entries, moved, types, lastPosition } = await log.move(10, 0n, 500);
  expect(entries).toBeUndefined();
  expect([...types.values()]).toEqual([2]);
  expect(moved).toBe(2);
  const { entries: read } = await log.read(Array(8).fill(0n), { events: 10, bytes: 10_000 });
  expect(read.map(({ event }) => textOf(event).length)).toEqual([300, 300]);
  expect(read.at(-1)?.event.position).toBe(lastPosition);
});

test('a move that was rolled back leaves a gap before the next', async () => {
  await append('a');
  let lost: Move | undefined;
  const rolledBack = sql.begin(async (tx) => {
    lost = await move(tx, 'test', 10, 0n, 1_000);
    throw new Error('given up');
  });
  await expect(rolledBack).rejects.toThrow('given up');
  const moved = await log.move(10, 0n, 1_000);
  expect(textsOf(moved)).toEqual(['a']);
  expect(moved.positionBefore).toBe(lost?.lastPosition);
  expect(moved.lastPosition).toBeGreaterThan(lost?.lastPosition as bigint);
});

test('two moves of one transaction follow each other', async () => {
  await append('a', 'b');
  const moves = await sql.begin(async (tx) => {
    await tx.unsafe('set transaction isolation level repeatable read');
    return [await move(tx, 'test', 1, 0n, 1_000), await move(tx, 'test', 1, 0n, 1_000)] as const;
  });
  expect(moves.map(textsOf)).toEqual([['a'], ['b']]);
  expect(moves[1].positionBefore).toBe(moves[0].lastPosition);
});
