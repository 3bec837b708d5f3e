import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { beforeEach, expect, test } from 'vitest';
import type { Sql } from '../../db/database.ts';
import { uuidv7 } from '../../id.ts';
import { type NewEvent, PARTITIONS, partitionOf } from '../event.ts';
import { appendEvents } from '../outbox.ts';
import type { Publisher } from './publisher.ts';
import type { SnapshotReader } from './snapshot.ts';
import { newTestEvent, publisherDatabase, publisherProcess, read, textOf } from './test-publisher.ts';

const { sql, url } = await publisherDatabase();
await sql.unsafe('create table sums (id uuid primary key, value bigint not null default 0)');

beforeEach(() => sql.unsafe('truncate events, outbox, event_consumers, sums'));

const signal = new AbortController().signal;
/** Each sum's value, a few at a time. */
const snapshot: SnapshotReader = async function* (tx, partition) {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await tx<{ id: string; value: bigint }[]>`
      select id, value from sums where event_partition(id) = ${partition} and id > ${after} order by id limit 10`;
    if (rows.length === 0) return;
    yield rows.map(({ id, value }): NewEvent => newTestEvent(id, String(value), 'test.v1.Sum'));
    after = rows.at(-1)?.id as string;
    await sleep(1);
  }
};

async function makeSums(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, uuidv7);
  await sql`insert into sums (id) select unnest(${ids}::uuid[])`;
  return ids;
}

/** Adds to a sum. Events say how much: one that is missed or taken twice makes another sum. */
async function add(on: Sql, publisher: Publisher, id: string, pauseMs: number): Promise<void> {
  const amount = 1 + Math.floor(Math.random() * 1_000);
  await on.begin(async (tx) => {
    await tx`update sums set value = value + ${amount} where id = ${id}`;
    await appendEvents(tx, [newTestEvent(id, String(amount), 'test.v1.Added')]);
    await sleep(pauseMs);
  });
  if (Math.random() < 0.9) publisher.wake();
}

test('a snapshot and the events after its position make the state, while there are many writers', async () => {
  const processes = [publisherProcess(url, { snapshot }), publisherProcess(url, { snapshot })] as const;
  const ids = await makeSums(160);
  let writing = true;
  const writers = Array.from({ length: 10 }, async (_, n) => {
    const { sql: own, publisher } = processes[n % 2] as (typeof processes)[number];
    while (writing) {
      const id = ids[Math.floor(Math.random() * ids.length)] as string;
      await add(own, publisher, id, Math.random() ** 3 * 20);
    }
  });

  const copy = async (n: number) => {
    const { publisher } = processes[n % 2] as (typeof processes)[number];
    const partition = n % PARTITIONS;
    await sleep(Math.random() * 300);
    const sums = new Map<string, bigint>();
    const taken = await publisher.snapshot(`copy ${n}`, partition, signal);
    for await (const batch of taken.events)
      for (const event of batch) sums.set(event.subject, BigInt(textOf(event)));
    const reader = read(publisher, new Map([[partition, taken.position]]), undefined, `copy ${n}`);
    return { partition, sums, position: taken.position, reader };
  };
  const copies = await Promise.all(Array.from({ length: 24 }, (_, n) => copy(n)));
  writing = false;
  await Promise.all(writers);

  const rows = await sql<{ id: string; value: bigint }[]>`select id, value from sums`;
  for (const { partition, sums, reader } of copies) {
    const result = () => {
      const values = new Map(sums);
      for (const event of reader.events)
        values.set(event.subject, (values.get(event.subject) ?? 0n) + BigInt(textOf(event)));
      return [...values].sort();
    };
    const due = rows.filter(({ id }) => partitionOf(id) === partition).map(({ id, value }) => [id, value]);
    await expect.poll(result, { timeout: 10_000 }).toEqual(due.sort());
  }
  // The writers went on after the first snapshot and before the last one: else this proved little.
  expect(new Set(copies.map(({ position }) => position)).size).toBeGreaterThan(5);
  expect(copies.some(({ reader }) => reader.events.length > 0)).toBe(true);
}, 60_000);

test('of an empty partition of an empty log', async () => {
  const { publisher } = publisherProcess(url, { snapshot });
  const { position, events } = await publisher.snapshot('reader', 3, signal);
  for await (const _ of events) expect.unreachable();
  const reader = read(publisher, new Map([[3, position]]));
  const [id] = (await makeSums(40)).filter((each) => partitionOf(each) === 3) as [string];
  await add(sql, publisher, id, 0);
  await expect.poll(() => reader.events.length).toBe(1);
});

test('its position stays when the log has been emptied', async () => {
  const { publisher } = publisherProcess(url, { snapshot });
  const [id] = (await makeSums(1)) as [string];
  await add(sql, publisher, id, 0);
  const first = await publisher.snapshot('reader', partitionOf(id), signal);
  expect(first.position).toBeGreaterThan(0n);
  await sql`update event_log_starts set position = ${first.position} where partition = ${partitionOf(id)}`;
  await sql`delete from events`;
  const second = await publisher.snapshot('reader', partitionOf(id), signal);
  expect(second.position).toBe(first.position);
  for (const { events } of [first, second]) for await (const _ of events);
});

test('its events are complete: of no position, of now, each with a new id', async () => {
  const { publisher } = publisherProcess(url, { snapshot });
  const [id] = (await makeSums(1)) as [string];
  const events: Event[] = [];
  for (let n = 0; n < 2; n++)
    for await (const batch of (await publisher.snapshot('reader', partitionOf(id), signal)).events)
      events.push(...batch);
  expect(events).toMatchObject([
    { source: 'test', type: 'test.v1.Sum', subject: id, position: 0n },
    { source: 'test', type: 'test.v1.Sum', subject: id, position: 0n },
  ]);
  expect(events[0]?.id).not.toBe(events[1]?.id);
  expect(Number(events[0]?.time?.seconds)).toBeGreaterThan(Date.now() / 1_000 - 60);
});

test('it waits for no writer, and none waits for it', async () => {
  const { publisher } = publisherProcess(url, { snapshot });
  const [id] = (await makeSums(1)) as [string];
  const partition = partitionOf(id);
  const commit = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const open = sql.begin(async (tx) => {
    await tx`update sums set value = 5 where id = ${id}`;
    await appendEvents(tx, [newTestEvent(id, '5')]);
    written.resolve();
    await commit.promise;
  });
  await written.promise;
  const { position, events } = await publisher.snapshot('reader', partition, signal);
  await appendEvents(sql, [newTestEvent(id, 'meanwhile')]);
  const values: string[] = [];
  for await (const batch of events) values.push(...batch.map(textOf));
  expect(values).toEqual(['0']);
  commit.resolve();
  await open;
  publisher.wake();
  const reader = read(publisher, new Map([[partition, position]]));
  await expect.poll(() => reader.events.map(textOf).toSorted()).toEqual(['5', 'meanwhile']);
});

test('it registers its consumer where it is, before anything can be removed from there', async () => {
  const { publisher } = publisherProcess(url, { snapshot });
  const [id] = (await makeSums(1)) as [string];
  await add(sql, publisher, id, 0);
  const { position } = await publisher.snapshot('reader', 6, signal);
  expect((await sql`select consumer, partition, position from event_consumers`)[0]).toEqual({
    consumer: 'reader',
    partition: 6,
    position,
  });
});

const transactions = async () =>
  (await sql`select from pg_stat_activity where datname = current_database() and state like 'idle in tr%'`)
    .count;

test.each(['end', 'return', 'abort', 'stop', 'failure'] as const)(
  'its transaction ends with the %s, and what was not all of it does not look as if it were',
  async (how) => {
    const ending = new AbortController();
    const { publisher } = publisherProcess(url, {
      snapshot: async function* (tx, partition) {
        for (let n = 0; n < 3; n++) {
          if (how === 'failure' && n === 1) throw new Error('no');
          await tx`select 1`;
          yield [newTestEvent(`00000000-0000-7000-8000-00000000000${partition}`, `${n}`)];
        }
      },
    });
    const { events } = await publisher.snapshot('reader', 0, ending.signal);
    expect(await transactions()).toBe(1);
    let seen = 0;
    const reading = (async () => {
      for await (const _ of events) {
        if (++seen > 1) continue;
        if (how === 'return') break;
        if (how === 'abort') ending.abort();
        if (how === 'stop') await publisher.stop();
      }
    })();
    if (how === 'end' || how === 'return') await reading;
    else if (how === 'failure') await expect(reading).rejects.toThrow('no');
    else await expect(reading).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
    expect(seen).toBe(how === 'end' ? 3 : 1);
    await expect.poll(transactions).toBe(0);
  },
);

test('a few at a time: the others wait for their turn, and one that is never read holds no place for ever', async () => {
  const { publisher } = publisherProcess(url, { snapshot });
  const ending = new AbortController();
  const [one, two] = await Promise.all([
    publisher.snapshot('reader', 0, ending.signal),
    publisher.snapshot('reader', 1, signal),
  ]);
  let third = false;
  const waiting = publisher.snapshot('reader', 2, signal).then((taken) => {
    third = true;
    return taken;
  });
  const given = new AbortController();
  const givenUp = publisher.snapshot('reader', 3, given.signal);
  given.abort();
  await expect(givenUp).rejects.toMatchObject({ kind: 'CANCELLED' });
  expect(await transactions()).toBe(2);
  expect(third).toBe(false);
  ending.abort();
  const { events } = await waiting;
  for (const each of [events, two.events]) for await (const _ of each);
  await expect(async () => {
    for await (const _ of one.events);
  }).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
});
