import type { Registry } from 'prom-client';
import { counter, gauge } from '../../telemetry/instruments.ts';
import type { Logger } from '../../telemetry/log.ts';
import { MESSAGING_SYSTEM, METRICS } from '../../telemetry/names.ts';
import type { RegisteredConsumer } from './consumer-store.ts';
import type { Fill, Move } from './log-store.ts';

/** What the gauges are read from. */
export interface PublisherReadings {
  /** See ConsumerStore.list. */
  consumers(): Promise<RegisteredConsumer[]>;
  /** See LogStore.fill. */
  fill(): Promise<Fill>;
}

/** What the gauges tell. Ages are of then: whatever is taken effect of until the scrape would only seem to grow older. */
interface Read {
  readonly lags: readonly { readonly consumer: string; readonly events: number; readonly age: number }[];
  readonly events: number;
  /** How long the oldest event waits that is not in the log yet, in seconds. */
  readonly waiting: number;
}

/** A scrape counts unread events; scrapes that follow each other closely share the answer. */
const FRESH_MS = 5_000;

/**
 * Declares the publisher's metrics. What this process moved to the log is counted; the gauges are read from the
 * database when they are scraped, so every replica says the same: take the maximum over replicas, not the sum.
 */
export function createPublisherMetrics(
  registry: Registry,
  source: string,
  readings: PublisherReadings,
  logger: Pick<Logger, 'warn'>,
): { published(move: Move): void } {
  const published = counter(registry, METRICS.eventsPublished);

  let readAt = -FRESH_MS;
  let reading: Promise<Read> | undefined;
  const read = () => {
    if (reading !== undefined && performance.now() < readAt + FRESH_MS) return reading;
    readAt = performance.now();
    reading = Promise.all([readings.consumers(), readings.fill()])
      .then(([consumers, { events, waitingSince }]) => ({
        lags: consumers.map((one) => ({
          consumer: one.name,
          events: one.lagEvents,
          age: age(one.oldestUnreadAt),
        })),
        events,
        waiting: age(waitingSince),
      }))
      // A scrape must tell the rest even when the database is away.
      .catch((err: unknown) => {
        logger.warn({ err }, "the events' consumers could not be read");
        return { lags: [], events: 0, waiting: 0 };
      });
    return reading;
  };
  const ofConsumers = (spec: typeof METRICS.eventLag | typeof METRICS.eventLagAge, key: 'events' | 'age') =>
    gauge(registry, spec, async function () {
      const { lags } = await read();
      this.reset();
      for (const lag of lags) this.set({ messaging_consumer_group_name: lag.consumer }, lag[key]);
    });
  ofConsumers(METRICS.eventLag, 'events');
  ofConsumers(METRICS.eventLagAge, 'age');
  gauge(registry, METRICS.eventLog, async function () {
    this.set((await read()).events);
  });
  gauge(registry, METRICS.eventOutboxAge, async function () {
    this.set((await read()).waiting);
  });

  return {
    published({ types }) {
      for (const [type, count] of types)
        published.inc(
          { messaging_system: MESSAGING_SYSTEM, messaging_destination_name: source, souk_event_type: type },
          count,
        );
    },
  };
}

const age = (since: Date | undefined): number =>
  since === undefined ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1_000);
