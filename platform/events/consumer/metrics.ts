import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Logger } from '../../telemetry/log.ts';
import type { Received } from '../event.ts';
import type { ParkedRecords } from './parked-records.ts';
import type { ParkedState } from './parked-store.ts';

/** What is counted of one publisher's events. */
export interface PublisherObserver {
  /** Events whose effects were committed just now. Those of a snapshot aren't counted. */
  consumed(events: readonly Received[]): void;
  /** A parked event is tried again. */
  retried(): void;
}

/** From what a healthy consumer takes to one that was away for hours. In seconds. */
const DELIVERY_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600,
];
const STATES: readonly ParkedState[] = ['RETRYING', 'WAITING', 'PARKED'];
/** Several gauges and scrapers share one reading. */
const READING_MS = 2_000;

/** Declares the metrics of a consumer of the given publishers. The log, at debug, has a line for each event. */
export function createConsumerMetrics(
  registry: Registry,
  publishers: readonly string[],
  records: Pick<ParkedRecords, 'count'>,
  log: Logger,
): (publisher: string) => PublisherObserver {
  const registers = [registry];
  const consumed = new Counter({
    name: 'events_consumed_total',
    help: 'Events whose effects this process has committed',
    labelNames: ['publisher', 'type'],
    registers,
  });
  const retried = new Counter({
    name: 'events_retried_total',
    help: 'Attempts at events that had failed before, by this process',
    labelNames: ['publisher'],
    registers,
  });
  const delivery = new Histogram({
    name: 'event_delivery_seconds',
    help: 'From the time of an event to the commit of its effects here',
    labelNames: ['publisher'],
    buckets: DELIVERY_BUCKETS,
    registers,
  });
  gaugeParked(registry, publishers, records, log);

  return (publisher) => {
    const seconds = delivery.labels(publisher);
    const retries = retried.labels(publisher);
    retries.inc(0);
    return {
      consumed(events) {
        const now = Date.now();
        const types = new Map<string, number>();
        const verbose = log.isLevelEnabled('debug');
        for (const event of events) {
          const type = event.message.$typeName;
          types.set(type, (types.get(type) ?? 0) + 1);
          seconds.observe(Math.max(0, now - event.time.getTime()) / 1000);
          if (verbose) {
            const { trace, subject, position } = event;
            const line = { traceId: trace.traceId, publisher, type, subject, position: String(position) };
            log.debug(line, 'event took effect');
          }
        }
        for (const [type, count] of types) consumed.inc({ publisher, type }, count);
      },
      retried: () => retries.inc(),
    };
  };
}

function gaugeParked(
  registry: Registry,
  publishers: readonly string[],
  records: Pick<ParkedRecords, 'count'>,
  log: Logger,
): void {
  let reading: ReturnType<ParkedRecords['count']> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  new Gauge({
    name: 'events_parked',
    help: 'Events that could not take effect yet, of all replicas',
    labelNames: ['publisher', 'state'],
    registers: [registry],
    async collect() {
      if (performance.now() - readAt > READING_MS) {
        readAt = performance.now();
        reading = records.count();
      }
      // A scrape must tell the rest even when the database is away.
      const counts = await reading?.catch((err: unknown) => {
        log.warn({ err }, 'parked events could not be counted');
        return undefined;
      });
      this.reset();
      if (counts === undefined) return;
      for (const publisher of publishers) for (const state of STATES) this.set({ publisher, state }, 0);
      for (const { publisher, state, count } of counts) this.set({ publisher, state }, count);
    },
  });
}
