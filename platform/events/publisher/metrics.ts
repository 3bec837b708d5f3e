import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../telemetry/log.ts';
import type { RegisteredConsumer } from './consumer-store.ts';
import type { Fill, Move } from './log-store.ts';

/** What the gauges are read from. */
export interface PublisherReadings {
  /** See ConsumerStore.list. */
  consumers(): Promise<RegisteredConsumer[]>;
  /** See LogStore.fill. */
  fill(): Promise<Fill>;
}

/** A scrape counts unread events; scrapes that follow each other closely share the answer. */
const FRESH_MS = 5_000;

/**
 * Declares the publisher's metrics. What this process moved to the log is counted; the gauges are read from the
 * database when they are scraped, so every replica says the same: take the maximum over replicas, not the sum.
 */
export function createPublisherMetrics(
  registry: Registry,
  readings: PublisherReadings,
  logger: Pick<Logger, 'warn'>,
): { published(move: Move): void } {
  const registers = [registry];
  const published = new Counter({
    name: 'events_published_total',
    help: 'Events that this process moved to the log',
    labelNames: ['type'],
    registers,
  });

  let readAt = -FRESH_MS;
  let reading: Promise<{ consumers: RegisteredConsumer[] } & Fill> | undefined;
  const read = () => {
    if (reading !== undefined && performance.now() < readAt + FRESH_MS) return reading;
    readAt = performance.now();
    reading = Promise.all([readings.consumers(), readings.fill()])
      .then(([consumers, fill]) => ({ consumers, ...fill }))
      // A scrape must tell the rest even when the database is away.
      .catch((err: unknown) => {
        logger.warn({ err }, "the events' consumers could not be read");
        return { consumers: [], events: 0, waitingSince: undefined };
      });
    return reading;
  };
  const ofConsumers = (name: string, help: string, value: (consumer: RegisteredConsumer) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['consumer'],
      registers,
      async collect() {
        const { consumers } = await read();
        this.reset();
        for (const consumer of consumers) this.set({ consumer: consumer.name }, value(consumer));
      },
    });
  ofConsumers('event_consumer_lag_events', 'Events not acknowledged, up to 100,000', (one) => one.lagEvents);
  ofConsumers(
    'event_consumer_lag_seconds',
    'Age of the oldest event not acknowledged; 0 when there is none',
    ({ oldestUnreadAt }) => age(oldestUnreadAt),
  );
  new Gauge({
    name: 'event_log_events',
    help: "Events in the log, by PostgreSQL's estimate",
    registers,
    async collect() {
      this.set((await read()).events);
    },
  });
  new Gauge({
    name: 'event_outbox_age_seconds',
    help: 'Age of the oldest event that is not yet in the log; 0 when there is none',
    registers,
    async collect() {
      this.set(age((await read()).waitingSince));
    },
  });

  return {
    published({ types }) {
      for (const [type, count] of Object.entries(types)) published.inc({ type }, count);
    },
  };
}

const age = (since: Date | undefined): number =>
  since === undefined ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1_000);
