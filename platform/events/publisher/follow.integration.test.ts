import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { uuidv7 } from '../../id.ts';
import { partitionOf } from '../event.ts';
import { appendEvents } from '../outbox.ts';
import { createConsumerStore } from './consumer-store.ts';
import { follow } from './follow.ts';
import { createLiveTail } from './live-tail.ts';
import { createLogStore } from './log-store.ts';
import { removeOldEvents } from './retention.ts';
import {
  everywhere,
  fill,
  newTestEvent,
  publisherDatabase,
  publisherProcess,
  read,
  textOf,
} from './test-publisher.ts';

const { sql, url } = await publisherDatabase();
const log = createLogStore(sql, 'test');

beforeEach(() =>
  sql.unsafe('truncate events, outbox, event_consumers; update event_log_starts set position = 0'),
);

const numbersOf = (events: Parameters<typeof textOf>[0][]) => events.map((event) => Number(textOf(event)));
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

/** A tail that keeps hardly anything, so that streams fall behind it all the time. */
function smallTail() {
  const tail = createLiveTail(sql, log, { events: 8, bytes: 1024 * 1024 });
  const stopping = new AbortController();
  tail.start(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await tail.stop();
  });
  const parts = { log, tail, consumers: createConsumerStore(sql) };
  return {
    tail,
    follow: (...[consumer, positions, signal]: [string, Map<number, bigint>, AbortSignal]) =>
      follow(parts, consumer, positions, signal, 10_000),
  };
}

test('streams that fall behind and catch up again miss nothing and get nothing twice', async () => {
  const { tail, follow } = smallTail();
  const count = 3_000;
  const pauses = [
    () => {},
    () => sleep(Math.random() * 4),
    () => (Math.random() < 0.05 ? sleep(60) : undefined),
  ];
  const readers = pauses.map((pause, n) => read({ follow }, undefined, pause, `reader ${n}`));
  // One that follows two partitions, which differ in where they begin.
  const few = read(
    { follow },
    new Map([
      [2, 0n],
      [5, 0n],
    ]),
    () => sleep(Math.random() * 2),
    'few',
  );
  for (let n = 0; n < count; ) {
    const more = Math.min(1 + Math.floor(Math.random() * 30), count - n);
    await appendEvents(
      sql,
      Array.from({ length: more }, () => newTestEvent(uuidv7(), String(++n))),
    );
    const move = await log.move(1_000, 0n, 1_048_576);
    // As if another process had moved some; and some are not told: these are found with the next.
    const told = Math.random();
    if (told < 0.4) tail.moved(move);
    else if (told < 0.8 && move.lastPosition !== null) tail.poke(move.lastPosition);
    await sleep(Math.random() * 6);
  }
  for (const { events } of readers) {
    await expect.poll(() => events.length, { timeout: 10_000 }).toBe(count);
    expect(numbersOf(events)).toEqual(upTo(count));
  }
  const theirs = readers[0]?.events.filter(({ subject }) => [2, 5].includes(partitionOf(subject)));
  await expect.poll(() => few.events.length, { timeout: 10_000 }).toBe(theirs?.length);
  expect(few.events).toEqual(theirs);
}, 60_000);

test('a batch has 256 KiB, give or take an event', async () => {
  await fill(sql, log, 20, 100_000);
  const { publisher } = publisherProcess(url);
  const reader = read(publisher);
  await expect.poll(() => reader.events.length).toBe(20);
  expect(reader.batches.every((events) => events <= 3)).toBe(true);
  expect(numbersOf(reader.events)).toEqual(upTo(20));
});

test('each partition goes on after its own position', async () => {
  await fill(sql, log, 400);
  const { publisher } = publisherProcess(url);
  const all = read(publisher);
  await expect.poll(() => all.events.length).toBe(400);
  const last = all.events[299]?.position as bigint;
  const some = read(
    publisher,
    new Map([
      [0, 0n],
      [1, last],
      [7, all.events[100]?.position as bigint],
    ]),
    undefined,
    'some',
  );
  const due = all.events.filter(
    ({ subject }, n) =>
      partitionOf(subject) === 0 ||
      (partitionOf(subject) === 1 && n > 299) ||
      (partitionOf(subject) === 7 && n > 100),
  );
  await expect.poll(() => some.events).toEqual(due);
});

test('what another process moves is heard; and a listener that was lost comes back', async () => {
  const [here, there] = [publisherProcess(url), publisherProcess(url, { started: false })];
  const reader = read(here.publisher);
  const say = async (text: string) => {
    await appendEvents(sql, [newTestEvent(uuidv7(), text)]);
    there.publisher.wake();
    await expect.poll(() => reader.events.map(textOf), { timeout: 5_000 }).toContain(text);
  };
  await say('one');
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'`;
  await say('two');
  await say('three');
  expect(reader.events).toHaveLength(3);
});

test('a stream that cannot read the log fails: its reader goes elsewhere', async () => {
  const { publisher } = publisherProcess(url);
  const reader = read(publisher);
  await sleep(0);
  await expect.poll(async () => (await sql`select from event_consumers`).count).toBe(8);
  await sql.unsafe('alter table events rename to gone');
  try {
    await expect(reader.ended).rejects.toThrow('events');
  } finally {
    await sql.unsafe('alter table gone rename to events');
  }
});

test('silence is broken by empty batches', async () => {
  const { tail } = smallTail();
  const parts = { log, tail, consumers: createConsumerStore(sql) };
  const ending = new AbortController();
  let batches = 0;
  for await (const events of follow(parts, 'reader', everywhere(0n), ending.signal, 20)) {
    expect(events).toEqual([]);
    if (++batches === 3) ending.abort();
  }
  expect(batches).toBe(3);
});

test('a stream ends with its signal and with its publisher', async () => {
  const { publisher } = publisherProcess(url);
  const [one, other] = [read(publisher), read(publisher, undefined, undefined, 'other')];
  one.end();
  await one.ended;
  await publisher.stop();
  await other.ended;
  await read(publisher).ended;
});

test.each([
  ['no partition', new Map()],
  ['a partition that there is not', new Map([[8, 0n]])],
  ['a negative position', new Map([[0, -1n]])],
])('%s can not be followed', async (_, positions) => {
  const { publisher } = publisherProcess(url, { started: false });
  await expect(
    (async () => publisher.follow('reader', positions, new AbortController().signal))(),
  ).rejects.toMatchObject({
    kind: 'INVALID_ARGUMENT',
  });
});

test('EVENTS_REMOVED: the log begins later, or never came so far', async () => {
  await fill(sql, log, 100);
  await sql`update events set created_at = now() - interval '2 hours'`;
  expect(await removeOldEvents(sql, 3_600)).toBe(100);
  await fill(sql, log, 10);
  const { publisher } = publisherProcess(url);
  const removed = { kind: 'OUT_OF_RANGE', reason: 'EVENTS_REMOVED' };
  await expect(read(publisher).ended).rejects.toMatchObject(removed);
  await expect(read(publisher, everywhere(1_000_000n)).ended).rejects.toMatchObject(removed);
  expect((await sql`select from event_consumers`).count).toBe(0);
  const [{ last }] = await sql<[{ last: bigint }]>`select max(position) as last from event_log_starts`;
  const reader = read(publisher, everywhere(last));
  await expect.poll(() => numbersOf(reader.events)).toEqual(upTo(10));
});

test('EVENTS_REMOVED: they are removed from before a stream that lags, whose consumer an operator has removed', async () => {
  await fill(sql, log, 5_000);
  const { publisher } = publisherProcess(url);
  const goOn = Promise.withResolvers<void>();
  const reader = read(publisher, undefined, () => goOn.promise);
  await expect.poll(() => reader.batches).toEqual([500]);
  await publisher.removeConsumer('reader');
  await sql`update events set created_at = now() - interval '2 hours'`;
  await removeOldEvents(sql, 3_600);
  goOn.resolve();
  await expect(reader.ended).rejects.toMatchObject({ reason: 'EVENTS_REMOVED' });
  expect(reader.events).toHaveLength(500);
});
