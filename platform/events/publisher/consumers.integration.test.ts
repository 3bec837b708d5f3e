import { beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../id.ts';
import { appendEvents } from '../outbox.ts';
import { everywhere, newTestEvent, publisherDatabase, publisherProcess, read } from './test-publisher.ts';

const { sql, url } = await publisherDatabase();

beforeEach(() => sql.unsafe('truncate events, outbox, event_consumers'));

const signal = new AbortController().signal;

test('consumers are listed with how far they are behind', async () => {
  const { publisher } = publisherProcess(url);
  expect(await publisher.consumers()).toEqual([]);
  const reader = read(publisher, undefined, undefined, 'b');
  await appendEvents(
    sql,
    Array.from({ length: 30 }, (_, n) => newTestEvent(uuidv7(), `${n}`)),
  );
  publisher.wake();
  await expect.poll(() => reader.events.length).toBe(30);
  await publisher.acknowledge('b', everywhere(reader.events[9]?.position as bigint));
  await publisher.acknowledge('a', everywhere(reader.events[29]?.position as bigint));
  const oldest = reader.events[10]?.time;
  expect(await publisher.consumers()).toEqual([
    { name: 'a', lagEvents: 0, oldestUnreadAt: undefined, seenAt: expect.any(Date) },
    { name: 'b', lagEvents: 20, oldestUnreadAt: expect.any(Date), seenAt: expect.any(Date) },
  ]);
  const [, b] = await publisher.consumers();
  expect(Math.floor((b?.oldestUnreadAt?.getTime() ?? 0) / 1_000)).toBe(Number(oldest?.seconds));
  await publisher.removeConsumer('a');
  expect((await publisher.consumers()).map(({ name }) => name)).toEqual(['b']);
  await expect(publisher.removeConsumer('a')).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'EVENT_CONSUMER_NOT_FOUND',
  });
});

test('the lag is counted up to 100,000', async () => {
  const { publisher } = publisherProcess(url);
  await publisher
    .snapshot('reader', 0, signal)
    .then(({ events }) => events[Symbol.asyncIterator]().return?.());
  for (let n = 0; n < 12; n++) {
    await sql`
      insert into events (id, subject, type, data, traceparent, created_at)
      select gen_random_uuid(), '00000000-0000-7000-8000-000000000000', '', '', '', now() from generate_series(1, 10000)`;
  }
  expect(await publisher.consumers()).toMatchObject([{ lagEvents: 100_000 }]);
});

test('an acknowledgement never moves back, and none is taken that the log never came to', async () => {
  const { publisher } = publisherProcess(url);
  await appendEvents(sql, [newTestEvent(uuidv7(), '')]);
  const reader = read(publisher);
  await expect.poll(() => reader.events.length, { timeout: 5_000 }).toBe(1);
  const position = reader.events[0]?.position as bigint;
  const stored = async () => {
    const rows = await sql<{ position: bigint }[]>`
      select position from event_consumers where consumer = 'reader' order by partition`;
    return rows.map((row) => row.position);
  };
  await publisher.acknowledge('reader', new Map([[1, position]]));
  await publisher.acknowledge('reader', new Map([[1, 0n]]));
  await publisher.acknowledge(
    'reader',
    new Map([
      [7, position],
      [0, position],
    ]),
  );
  const [z, p] = [0n, position];
  expect(await stored()).toEqual([p, p, z, z, z, z, z, p]);
  await expect(
    publisher.acknowledge(
      'reader',
      new Map([
        [2, position],
        [3, position + 1n],
      ]),
    ),
  ).rejects.toMatchObject({ kind: 'OUT_OF_RANGE', reason: 'POSITION_UNKNOWN' });
  await expect(publisher.acknowledge('reader', new Map([[8, 0n]]))).rejects.toMatchObject({
    kind: 'INVALID_ARGUMENT',
  });
  expect(await stored()).toEqual([p, p, z, z, z, z, z, p]);
});

test('nothing was given by a log that is new', async () => {
  const fresh = await publisherDatabase();
  const { publisher } = publisherProcess(fresh.url);
  await expect(publisher.acknowledge('reader', everywhere(1n))).rejects.toMatchObject({
    reason: 'POSITION_UNKNOWN',
  });
  await publisher.acknowledge('reader', everywhere(0n));
});

test('the metrics tell what was published, the lag, and the size of the log', async () => {
  const { publisher, registry } = publisherProcess(url);
  const values = async (name: string) => {
    const metric = await registry.getSingleMetric(name)?.get();
    return Object.fromEntries(
      metric?.values.map(({ labels, value }) => [Object.values(labels).at(-1) ?? '', value]) ?? [],
    );
  };
  await appendEvents(sql, [
    newTestEvent(uuidv7(), '', 'test.v1.Said'),
    newTestEvent(uuidv7(), '', 'test.v1.Said'),
    newTestEvent(uuidv7(), '', 'test.v1.Heard'),
  ]);
  const reader = read(publisher, undefined, undefined, 'slow');
  publisher.wake();
  await expect.poll(() => reader.events.length).toBe(3);
  const last = reader.events[2]?.position as bigint;
  await publisher.acknowledge('quick', everywhere(last));
  await sql.unsafe(`analyze events; update events set created_at = now() - interval '100 s'`);
  await expect
    .poll(() => values('messaging_client_sent_messages_total'))
    .toEqual({ 'test.v1.Said': 2, 'test.v1.Heard': 1 });
  expect(await values('souk_event_consumer_lag')).toEqual({ slow: 3, quick: 0 });
  const { slow, quick } = await values('souk_event_consumer_lag_age_seconds');
  expect(slow).toBeGreaterThanOrEqual(100);
  expect(quick).toBe(0);
  expect(await values('souk_event_log_events')).toEqual({ '': 3 });
  expect(await values('souk_event_outbox_age_seconds')).toEqual({ '': 0 });
});

test('a metric tells that events are not moved to the log', async () => {
  const { registry } = publisherProcess(url, { started: false });
  await appendEvents(sql, [newTestEvent(uuidv7(), '')]);
  await sql`update outbox set created_at = now() - interval '100 s'`;
  const metric = await registry.getSingleMetric('souk_event_outbox_age_seconds')?.get();
  expect(metric?.values[0]?.value).toBeGreaterThanOrEqual(100);
});

test('a scrape answers although the database is away', async () => {
  const { publisher, registry, sql: own } = publisherProcess(url, { started: false });
  await publisher.acknowledge('reader', everywhere(0n));
  await own.unsafe('alter table event_consumers rename to away');
  try {
    expect(await registry.metrics()).toContain('souk_event_log_events 0');
  } finally {
    await own.unsafe('alter table away rename to event_consumers');
  }
});
