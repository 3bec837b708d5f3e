import { afterEach, expect, test } from 'vitest';
import { testConsumers } from '../../testing/consumers.ts';
import { createMemberStore } from './member-store.ts';
import { createPositionStore, isMoved } from './position-store.ts';

const { sql, fromStart, clear } = await testConsumers();
afterEach(clear);
const positions = createPositionStore(sql);
const members = createMemberStore(sql);
const PRODUCT = ['product'];
const at = (...entries: [number, bigint][]) => new Map(entries);

test('of two transactions that begin at one position, one commits', async () => {
  await fromStart();
  const advance = (to: Map<number, bigint>) =>
    sql.begin((tx) => positions.advance(tx, 'product', at([0, 0n], [1, 0n]), to));
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 6 }, () => advance(at([1, 7n], [0, 5n]))),
    ...Array.from({ length: 6 }, () => advance(at([0, 5n], [1, 7n]))),
  ]);
  const moved = outcomes.filter((outcome) => outcome.status === 'rejected' && isMoved(outcome.reason));
  expect(moved).toHaveLength(11);
  const rows =
    await sql`select partition, position from event_positions where position > 0 order by partition`;
  expect(rows).toEqual([
    { partition: 0, position: 5n },
    { partition: 1, position: 7n },
  ]);
  await expect(advance(at([7, 1n]))).rejects.toSatisfy(isMoved);
});

test('a partition that is being rebuilt can not be taken, and keeps nobody waiting', async () => {
  await positions.prepare(PRODUCT);
  await members.renew('one', PRODUCT);
  expect(await members.take('one', 'product', 8)).toHaveLength(8);
  await sql.begin(async (tx) => {
    expect(await positions.beginRebuild(tx, 'product', 3, 'one')).toBe(true);
    await sql.begin(async (other) => {
      expect(await positions.beginRebuild(other, 'product', 3, 'one')).toBe(false);
      expect(await positions.beginRebuild(other, 'product', 4, 'two')).toBe(false);
    });
    // Its lease runs out meanwhile.
    await sql`update event_positions set lease_until = '-infinity' where partition <> 3`;
    await members.renew('one', PRODUCT);
    expect(await positions.requireRebuildOf(PRODUCT)).toBe(8);
    await members.renew('two', PRODUCT);
    expect((await members.release('one', 'product', [2, 3, 4])).toSorted()).toEqual([2, 4]);
    const taken = await members.take('two', 'product', 8);
    expect(taken.map(({ partition }) => partition).toSorted()).toEqual([2, 4]);
    await positions.endRebuild(tx, 'product', 3, 9n);
  });
  expect(await positions.read('product', 'one')).toEqual(at([3, 9n]));
  expect(await sql.begin((tx) => positions.beginRebuild(tx, 'product', 3, 'one'))).toBe(false);
});

test('who was silent for 4 s loses its partitions, and is not counted', async () => {
  await positions.prepare(PRODUCT);
  await members.renew('one', PRODUCT);
  await members.take('one', 'product', 8);
  await members.renew('two', PRODUCT);
  const seen = async () => {
    const standings = await members.standings('two', PRODUCT);
    return [standings[0]?.members, standings.filter(({ free }) => free).length];
  };
  expect(await seen()).toEqual([2, 0]);
  await sql`update event_members set seen_at = seen_at - interval '4 seconds' where instance = 'one'`;
  await sql`update event_positions set lease_until = lease_until - interval '4 seconds'`;
  expect(await seen()).toEqual([1, 8]);
  await members.leave('one');
  expect(await sql`select instance from event_members`).toEqual([{ instance: 'two' }]);
});

test('a rebuild is asked for only where the position still is what it was', async () => {
  await fromStart();
  await positions.requireRebuild('product', at([0, 0n], [1, 4n]));
  const rows = await sql`select partition from event_positions where position is null`;
  expect(rows).toEqual([{ partition: 0 }]);
});
