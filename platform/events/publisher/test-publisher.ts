import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { connect, type Sql } from '../../db/database.ts';
import { uuidv7 } from '../../id.ts';
import { createLogger } from '../../telemetry/log.ts';
import { type TestDatabase, testDatabase } from '../../testing/database.ts';
import { createOutbox } from '../../testing/outbox.ts';
import { type NewEvent, PARTITIONS } from '../event.ts';
import type { Positions } from '../source.ts';
import type { LogStore } from './log-store.ts';
import { createPublisher, type Publisher, type PublisherOptions } from './publisher.ts';

const logger = createLogger({ service: 'test', instance: 'test', level: 'fatal' });

/** A database with outbox and log. Call it at the top of a test file. */
export async function publisherDatabase(): Promise<TestDatabase> {
  const database = await testDatabase('platform');
  await createOutbox(database.sql);
  return database;
}

/** What a process has: its own connections and a publisher, until the test ends. It is started unless told otherwise. */
export function publisherProcess(
  url: string,
  options: Partial<PublisherOptions> & { readonly started?: boolean } = {},
): { readonly sql: Sql; readonly publisher: Publisher; readonly registry: Registry } {
  const instance = `test ${uuidv7()}`;
  const database = connect({ DATABASE_URL: url, DATABASE_POOL_SIZE: 8, INSTANCE: instance }, logger);
  const registry = new Registry();
  const publisher = createPublisher({
    sql: database.sql,
    source: 'test',
    snapshot: async function* () {},
    log: logger,
    registry,
    retentionSeconds: 3_600,
    ...options,
  });
  const stopping = new AbortController();
  if (options.started ?? true) publisher.start(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await publisher.stop();
    await database.close();
  });
  return { sql: database.sql, publisher, registry };
}

/** An event that says `text`. */
export const newTestEvent = (subject: string, text: string, type = 'test.v1.Said'): NewEvent => ({
  id: uuidv7(),
  type,
  subject,
  data: Buffer.from(text),
  traceparent: '',
});

/** What {@link newTestEvent} was told to say. */
export const textOf = (event: Event): string => Buffer.from(event.data).toString();

/** The same position in all partitions. */
export const everywhere = (position: bigint): Positions =>
  new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, position]));

/** A stream that is being read. */
export interface Reader {
  /** What came so far. */
  readonly events: Event[];
  readonly batches: number[];
  /** Resolves when the stream has ended, rejects when it failed. */
  readonly ended: Promise<void>;
  end(): void;
}

/** Reads a stream until the test ends. `pause` is awaited after each batch. */
export function read(
  publisher: Pick<Publisher, 'follow'>,
  positions: Positions = everywhere(0n),
  pause: () => unknown = () => {},
  consumer = 'reader',
): Reader {
  const ending = new AbortController();
  const events: Event[] = [];
  const batches: number[] = [];
  const ended = (async () => {
    for await (const batch of publisher.follow(consumer, positions, ending.signal)) {
      events.push(...batch);
      batches.push(batch.length);
      await pause();
    }
  })();
  // Whoever awaits it gets the failure.
  ended.catch(() => {});
  onTestFinished(async () => {
    ending.abort();
    await ended.catch(() => {});
  });
  return { events, batches, ended, end: () => ending.abort() };
}

/** Puts events into the log that say 1 to `count`, with `bytes` of data each, of as many subjects. */
export async function fill(sql: Sql, log: Pick<LogStore, 'move'>, count: number, bytes = 0): Promise<void> {
  for (let from = 1; from <= count; from += 5_000) {
    await sql`
      insert into outbox (subject, type, data)
      select gen_random_uuid(), 'test.v1.Said', convert_to(rpad(n::text, greatest(${bytes}, 6)), 'UTF8')
      from generate_series(${from}::integer, least(${from + 4_999}::integer, ${count})) n order by n`;
  }
  while ((await log.move(5_000, 0n, 0)).moved > 0);
}
