import { Registry } from 'prom-client';
import { afterAll } from 'vitest';
import type { Sql } from '../db/database.ts';
import type { NewEvent } from '../events/event.ts';
import { appendEvents } from '../events/outbox.ts';
import { createPublisher, type Publisher } from '../events/publisher/publisher.ts';
import type { EventSource } from '../events/source.ts';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from './database.ts';
import { createOutbox } from './outbox.ts';
import { updated } from './product-copies.ts';

/** A real publisher, "product", with a database of its own. */
export interface TestEventLog {
  readonly sql: Sql;
  readonly url: string;
  readonly publisher: Publisher;
  /** The publisher as a service sees it, without a wire in between. */
  feed(consumer: string): EventSource;
  publish(events: readonly NewEvent[]): Promise<void>;
  /** Publishes the next version of each product, `times` times, and returns how many events there are by now. */
  change(products: readonly string[], times?: number): Promise<number>;
}

/** Starts a publisher. For the top of a file. */
export async function testEventLog(): Promise<TestEventLog> {
  const { sql, url } = await testDatabase('platform');
  await createOutbox(sql);
  const publisher = createPublisher({
    sql,
    source: 'product',
    async *snapshot() {},
    log: createLogger({ service: 'product', instance: 'product-1', level: 'warn' }),
    registry: new Registry(),
    retentionSeconds: 3_600,
  });
  const stopping = new AbortController();
  publisher.start(stopping.signal);
  afterAll(async () => {
    stopping.abort();
    await publisher.stop();
  });
  const versions = new Map<string, number>();
  let count = 0;

  const publish = async (events: readonly NewEvent[]) => {
    await appendEvents(sql, events);
    publisher.wake();
    count += events.length;
  };
  return {
    sql,
    url,
    publisher,
    feed: (consumer) => ({
      follow: (positions, signal) => publisher.follow(consumer, positions, signal),
      snapshot: (partition, signal) => publisher.snapshot(consumer, partition, signal),
      acknowledge: (positions) => publisher.acknowledge(consumer, positions),
    }),
    publish,
    async change(products, times = 1) {
      for (let i = 0; i < times; i++) {
        await publish(
          products.map((product) => {
            const version = (versions.get(product) ?? 0) + 1;
            versions.set(product, version);
            return updated(product, version);
          }),
        );
      }
      return count;
    },
  };
}
