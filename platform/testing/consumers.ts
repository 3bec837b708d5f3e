import { Registry } from 'prom-client';
import { afterAll } from 'vitest';
import { connect, type Sql } from '../db/database.ts';
import { type Consumer, createConsumer } from '../events/consumer/consumer.ts';
import type { Subscription } from '../events/consumer/subscription.ts';
import { PARTITIONS } from '../events/event.ts';
import type { EventSource } from '../events/source.ts';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from './database.ts';
import { createCopies, productCopies } from './product-copies.ts';
import { createRelay, type Relay } from './relay.ts';

/** One instance of a consuming service, in this process. */
export interface TestConsumer extends Consumer {
  readonly instance: string;
  /** Its way to the database: cut it, freeze it. */
  readonly relay: Relay;
  readonly sql: Sql;
  /** Its log lines so far. */
  readonly lines: Record<string, unknown>[];
  metrics(): Promise<string>;
  /** Ends it without a word, as kill -9 would. */
  kill(): Promise<void>;
}

/** How an instance differs from a sound one. */
export interface TestConsumerOptions {
  readonly subscriptions?: readonly Subscription[];
  readonly instance?: string;
  /** Default: debug, which has a line for each event. */
  readonly level?: string;
}

/** A database with an inbox and copies of products, and as many instances as a test starts. For the top of a file. */
export async function testConsumers() {
  const { sql, url } = await testDatabase('platform');
  await createCopies(sql);
  const running = new Set<TestConsumer>();
  let count = 0;

  /** Starts an instance, for the test that runs. */
  async function start(
    sources: Readonly<Record<string, EventSource>>,
    options: TestConsumerOptions = {},
  ): Promise<TestConsumer> {
    const instance = options.instance ?? `test-${++count}`;
    const relay = await createRelay(url);
    const lines: Record<string, unknown>[] = [];
    const log = createLogger(
      { service: 'test', instance, level: options.level ?? 'debug' },
      { write: (line) => void lines.push(JSON.parse(line)) },
    );
    const database = connect({ DATABASE_URL: relay.url, DATABASE_POOL_SIZE: 8, INSTANCE: instance }, log);
    const registry = new Registry();
    const subscriptions = options.subscriptions ?? [productCopies()];
    const consumer = createConsumer({
      sql: database.sql,
      instance,
      subscriptions,
      sources: new Map(Object.entries(sources)),
      log,
      registry,
    });
    const stopping = new AbortController();
    consumer.start(stopping.signal);
    let ended: Promise<void> | undefined;
    const end = (first: () => Promise<void>): Promise<void> => {
      ended ??= (async () => {
        await first();
        stopping.abort();
        await consumer.stop();
        await database.close();
        running.delete(instanceOf);
      })();
      return ended;
    };
    const instanceOf: TestConsumer = {
      ...consumer,
      instance,
      relay,
      sql: database.sql,
      lines,
      metrics: () => registry.metrics(),
      stop: () => end(async () => {}),
      kill: () => end(relay.cut),
    };
    running.add(instanceOf);
    return instanceOf;
  }

  /** Lets a publisher be followed from the start of its log, without a snapshot. */
  async function fromStart(publisher = 'product'): Promise<void> {
    await sql`
      insert into event_positions (publisher, partition, position)
      select ${publisher}, partition, 0 from generate_series(0, ${PARTITIONS - 1}::integer) as partition`;
  }

  /** Ends all instances and forgets what they did. */
  async function clear(): Promise<void> {
    await Promise.all([...running].map((each) => each.stop()));
    await sql.unsafe('truncate event_positions, event_members, parked_events, copies, effects');
  }
  afterAll(clear);
  return { sql, url, start, fromStart, clear };
}
