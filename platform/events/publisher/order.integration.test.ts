import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import type { Transaction } from '../../db/database.ts';
import { uuidv7 } from '../../id.ts';
import { appendEvents, insertEvents } from '../outbox.ts';
import { newTestEvent, publisherDatabase, publisherProcess, read, textOf } from './test-publisher.ts';

const { sql, url } = await publisherDatabase();
await sql.unsafe('create table counters (id uuid primary key, version integer not null default 0)');

beforeEach(() => sql.unsafe('truncate events, outbox, event_consumers'));

const logIsEmpty = async () => {
  const [row] = await sql<[{ left: bigint }]>`select count(*) as left from outbox`;
  return row.left === 0n;
};

test('a transaction that commits long after later ones is not skipped', async () => {
  const { publisher } = publisherProcess(url);
  const reader = read(publisher);
  const commit = Promise.withResolvers<void>();
  const appended = Promise.withResolvers<void>();
  const slow = sql.begin(async (tx) => {
    await appendEvents(tx, [newTestEvent(uuidv7(), 'slow')]);
    appended.resolve();
    await commit.promise;
  });
  await appended.promise;
  // Several, one after the other: what the sequencer learns from its runs must not lead it past the open one.
  for (let n = 0; n < 5; n++) {
    await appendEvents(sql, [newTestEvent(uuidv7(), `quick ${n}`)]);
    publisher.wake();
    await expect.poll(() => reader.events.length).toBe(n + 1);
  }
  commit.resolve();
  await slow;
  publisher.wake();
  await expect.poll(() => reader.events.map(textOf).at(-1)).toBe('slow');
  await appendEvents(sql, [newTestEvent(uuidv7(), 'last')]);
  publisher.wake();
  await expect.poll(() => reader.events.map(textOf).at(-1)).toBe('last');
  expect(reader.events).toHaveLength(7);
});

test('of one subject, what is committed later comes later, though its transaction is older', async () => {
  const { publisher } = publisherProcess(url);
  const reader = read(publisher);
  const id = uuidv7();
  await sql`insert into counters (id) values (${id})`;
  const lock = (tx: Transaction) => tx`update counters set version = version + 1 where id = ${id}`;
  const [older, locked, commit] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  const first = sql.begin(async (tx) => {
    // From here on it has an id, and an event of something else has its number.
    await appendEvents(tx, [newTestEvent(uuidv7(), 'of another')]);
    older.resolve();
    await locked.promise;
    await lock(tx);
    await appendEvents(tx, [newTestEvent(id, 'older transaction')]);
  });
  await older.promise;
  const second = sql.begin(async (tx) => {
    await lock(tx);
    await appendEvents(tx, [newTestEvent(id, 'younger transaction')]);
    locked.resolve();
    await commit.promise;
  });
  const waiting = async () =>
    (await sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%counters%'`)
      .count;
  await expect.poll(waiting).toBeGreaterThan(0);
  commit.resolve();
  await second;
  publisher.wake();
  await first;
  publisher.wake();
  await expect.poll(() => reader.events.length).toBe(3);
  expect(reader.events.filter(({ subject }) => subject === id).map(textOf)).toEqual([
    'younger transaction',
    'older transaction',
  ]);
});

test('every event comes once, those of a subject in the order of commits, with many writers and two publishers', async () => {
  const processes = [publisherProcess(url), publisherProcess(url)] as const;
  const readers = processes.map(({ publisher }, n) => read(publisher, undefined, undefined, `reader ${n}`));
  const [writers, rounds] = [12, 40];
  const ids = Array.from({ length: 7 }, uuidv7);
  await sql`insert into counters (id) select unnest(${ids}::uuid[])`;

  const write = async (writer: number) => {
    const { sql: own, publisher } = processes[writer % 2] as (typeof processes)[number];
    for (let round = 0; round < rounds; round++) {
      const id = ids[Math.floor(Math.random() * ids.length)] as string;
      await own.begin(async (tx) => {
        if (Math.random() < 0.3) {
          // All in one statement. The version isn't known to whoever makes the event: it is read back.
          await tx`
            with changed as (
              update counters set version = version + 1 where id = ${id} returning *
            ), published as (
              ${insertEvents(tx, [newTestEvent(id, 'n')], tx`select id from changed`)}
              returning seq
            )
            select from changed, published`;
        } else {
          await tx`update counters set version = version + 1 where id = ${id}`;
          await appendEvents(tx, [newTestEvent(id, 'n')]);
        }
        const [row] = await tx<[{ version: number }]>`select version from counters where id = ${id}`;
        await tx`
          update outbox set data = ${Buffer.from(String(row.version))}
          where seq = (select max(seq) from outbox where subject = ${id})`;
        await sleep(Math.random() ** 3 * 25);
      });
      publisher.wake();
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

  for (const { events } of readers) {
    await expect.poll(() => events.length, { timeout: 10_000 }).toBe(writers * rounds);
    const versions = new Map<string, number[]>(ids.map((id) => [id, []]));
    for (const event of events) versions.get(event.subject)?.push(Number(textOf(event)));
    for (const seen of versions.values()) expect(seen).toEqual(seen.map((_, index) => index + 1));
    const positions = events.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)));
  }
  expect(readers[0]?.events).toEqual(readers[1]?.events);
});

test('what a process left behind that died after its commit is moved without being told', async () => {
  await appendEvents(sql, [newTestEvent(uuidv7(), 'before anybody ran')]);
  const { publisher } = publisherProcess(url);
  const reader = read(publisher);
  await expect.poll(() => reader.events.length).toBe(1);
  await appendEvents(sql, [newTestEvent(uuidv7(), 'nobody woke')]);
  await expect.poll(() => reader.events.map(textOf), { timeout: 5_000 }).toContain('nobody woke');
});

test('a publisher that stops moves what it was told of', async () => {
  const { publisher } = publisherProcess(url, { started: false });
  await appendEvents(sql, [newTestEvent(uuidv7(), 'last')]);
  publisher.wake();
  await publisher.stop();
  expect(await logIsEmpty()).toBe(true);
});

test('an event that is too large is refused to its writer, who could not deliver it', async () => {
  const event = { ...newTestEvent(uuidv7(), ''), data: Buffer.alloc(262_145) };
  await expect(appendEvents(sql, [event])).rejects.toThrow('outbox_data_size');
});

test('only events of what the statement has changed are inserted by it', async () => {
  const [changed, other] = [uuidv7(), uuidv7()];
  await sql`insert into counters (id) values (${changed})`;
  const events = [changed, other, changed].map((id, n) => newTestEvent(id, `${n}`));
  await sql`
    with changed as (
      update counters set version = version + 1 where id in (${changed}, ${other}) returning id
    )
    ${insertEvents(sql, events, sql`select id from changed`)}`;
  const rows = await sql<{ data: Buffer }[]>`select data from outbox where subject = ${changed} order by seq`;
  expect(rows.map(({ data }) => data.toString())).toEqual(['0', '2']);
  expect((await sql`select from outbox where subject = ${other}`).count).toBe(0);
});

test('a transaction has its id before it takes a number in the outbox', async () => {
  const [column] = await sql<[{ text: string }]>`
    select pg_get_expr(adbin, adrelid) as text from pg_attrdef where adrelid = 'outbox'::regclass and adnum = 1`;
  const id = await sql.begin(async (tx) => {
    await tx.unsafe(`select ${column.text}`);
    return (await tx`select pg_current_xact_id_if_assigned() as id`)[0]?.id;
  });
  expect(id).not.toBeNull();
});
