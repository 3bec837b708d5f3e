import type { Registry } from 'prom-client';
import { counter, gauge, histogram } from '../../telemetry/instruments.ts';
import type { Logger } from '../../telemetry/log.ts';
import { MESSAGING_SYSTEM, METRICS } from '../../telemetry/names.ts';
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
  const consumed = counter(registry, METRICS.eventsConsumed);
  const retried = counter(registry, METRICS.eventRetries);
  const delivery = histogram(registry, METRICS.eventDelivery);
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
        for (const [type, count] of types)
          consumed.inc(
            {
              messaging_system: MESSAGING_SYSTEM,
              messaging_destination_name: publisher,
              souk_event_type: type,
            },
            count,
          );
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
  gauge(registry, METRICS.eventsParked, async function () {
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
    const labels = (publisher: string, state: ParkedState) => ({
      messaging_destination_name: publisher,
      souk_event_state: state,
    });
    for (const publisher of publishers) for (const state of STATES) this.set(labels(publisher, state), 0);
    for (const { publisher, state, count } of counts) this.set(labels(publisher, state), count);
  });
}
