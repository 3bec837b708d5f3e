import { beforeEach, expect, test } from 'vitest';
import { hasReason } from '../../errors.ts';
import { PARTITIONS } from '../event.ts';
import { createConsumerStore } from './consumer-store.ts';
import { createLogStore } from './log-store.ts';
import { removeOldEvents } from './retention.ts';
import { everywhere, publisherDatabase } from './test-publisher.ts';

const { sql } = await publisherDatabase();
const log = createLogStore(sql, 'test');
const consumers = createConsumerStore(sql);
const HOUR = 3_600;

beforeEach(() =>
  sql.unsafe(
    `truncate events, outbox, event_consumers restart identity; update event_log_starts set position = 0`,
  ),
);

/** Positions 1 to `count`, the partitions by turns: position 1 is in partition 0. They are old. */
async function fill(count: number): Promise<void> {
  await sql`
    insert into outbox (subject, type, data, created_at)
    select ('00000000-0000-7000-8000-00000000000' || (n - 1) % 8)::uuid, 'test.v1.Said', '', now() - interval '2 hours'
    from generate_series(1, ${count}::integer) n order by n`;
  await log.move(count, 0n, 0);
}
const left = async () => {
  const rows = await sql<{ position: bigint }[]>`select position from events order by position`;
  return rows.map(({ position }) => Number(position));
};
const starts = async () => {
  const rows = await sql<{ position: bigint }[]>`select position from event_log_starts order by partition`;
  return rows.map(({ position }) => Number(position));
};

test('without consumers age alone decides', async () => {
  await fill(16);
  await sql`update events set created_at = now() where position > 11`;
  expect(await removeOldEvents(sql, HOUR)).toBe(11);
  expect(await left()).toEqual([12, 13, 14, 15, 16]);
  expect(await starts()).toEqual([9, 10, 11, 4, 5, 6, 7, 8]);
  expect(await removeOldEvents(sql, HOUR)).toBe(0);
});

test('an event that is young keeps those behind it: the log has no holes', async () => {
  await fill(24);
  await sql`update events set created_at = now() where position = 9`;
  await removeOldEvents(sql, HOUR);
  expect(await left()).toEqual([9, 17]);
});

test('what any registered consumer has not acknowledged stays, whatever its age', async () => {
  await fill(40);
  await consumers.register('one', everywhere(0n));
  await consumers.register('two', everywhere(0n));
  expect(await removeOldEvents(sql, HOUR)).toBe(0);
  await consumers.acknowledge('one', everywhere(40n));
  await consumers.acknowledge(
    'two',
    new Map([
      [0, 17n],
      [1, 10n],
    ]),
  );
  expect(await removeOldEvents(sql, HOUR)).toBe(5);
  expect(await starts()).toEqual([17, 10, 0, 0, 0, 0, 0, 0]);
  // A late one does not move it back.
  await consumers.acknowledge('two', new Map([[0, 3n]]));
  await consumers.acknowledge('two', everywhere(40n));
  expect(await removeOldEvents(sql, HOUR)).toBe(35);
});

test('the log goes on its way once a consumer that will not come back is removed', async () => {
  await fill(16);
  await consumers.register('gone for good', everywhere(0n));
  await consumers.register('here', everywhere(16n));
  expect(await removeOldEvents(sql, HOUR)).toBe(0);
  await consumers.remove('gone for good');
  expect(await removeOldEvents(sql, HOUR)).toBe(16);
  await expect(consumers.register('gone for good', everywhere(0n))).rejects.toMatchObject({
    reason: 'EVENTS_REMOVED',
  });
});

test('a partition that a consumer does not follow is not kept for it', async () => {
  await fill(16);
  await consumers.register('of three', new Map([[3, 0n]]));
  await removeOldEvents(sql, HOUR);
  expect(await left()).toEqual([4, 12]);
});

test('many are removed in batches', async () => {
  await fill(9_000);
  expect(await removeOldEvents(sql, HOUR)).toBe(9_000);
  expect(await left()).toEqual([]);
});

test('whoever registers is either refused or finds all that it asked for, however close the removal', async () => {
  const outcomes = { refused: 0, registered: 0 };
  for (let round = 0; round < 60; round++) {
    await fill(PARTITIONS * 20);
    const [first] = await left();
    const positions = everywhere(BigInt((first as number) - 1));
    const wait = Math.random() * 30;
    const [, registered] = await Promise.all([
      removeOldEvents(sql, HOUR),
      new Promise((resolve) => setTimeout(resolve, wait))
        .then(() => consumers.register('late', positions))
        .then(
          () => true,
          (error) => (hasReason(error, 'EVENTS_REMOVED') ? false : Promise.reject(error)),
        ),
    ]);
    const found = (await left()).length;
    if (registered) expect(found).toBe(PARTITIONS * 20);
    outcomes[registered ? 'registered' : 'refused']++;
    if (registered) await consumers.remove('late');
    await removeOldEvents(sql, HOUR);
  }
  expect(outcomes.refused).toBeGreaterThan(0);
});
