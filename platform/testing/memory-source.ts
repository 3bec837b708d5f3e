import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import { type Event, EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import { fail } from '../errors.ts';
import { type NewEvent, partitionOf } from '../events/event.ts';
import type { EventSource } from '../events/source.ts';
import { uuidv7 } from '../id.ts';

/** A publisher in memory, with the faults that a test asks for. */
export interface MemoryPublisher {
  /** A source for one reader; `faults` are of all readers. */
  readonly source: EventSource;
  /** Appends events to the log and returns them. */
  publish(events: readonly NewEvent[]): Event[];
  /** Appends one as it is. */
  append(event: MessageInitShape<typeof EventSchema>): Event;
  readonly log: readonly Event[];
  /** What a snapshot holds. */
  readonly state: NewEvent[];
  readonly acknowledged: Map<number, bigint>;
  readonly faults: {
    /** Calls fail with UNAVAILABLE, and streams break. */
    away: boolean;
    /** Positions up to here were removed from the log. */
    removed: bigint;
    /** A snapshot breaks after so many pages. */
    snapshotPages: number;
    /** Each batch is sent twice. */
    twice: boolean;
  };
  /** How many streams and snapshots were begun, and how many events the streams have sent. */
  readonly counts: { follow: number; snapshot: number; sent: number };
}

/** A publisher without events. */
export function memoryPublisher(name: string, batchSize = 100): MemoryPublisher {
  const log: Event[] = [];
  const state: NewEvent[] = [];
  const acknowledged = new Map<number, bigint>();
  const faults = { away: false, removed: 0n, snapshotPages: Number.POSITIVE_INFINITY, twice: false };
  const counts = { follow: 0, snapshot: 0, sent: 0 };
  const away = () => fail('UNAVAILABLE', 'UPSTREAM_UNAVAILABLE', 'The publisher is away.');

  /** Polled: a test's faults take effect without being told of. */
  const tick = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 2);
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });

  const append = (event: MessageInitShape<typeof EventSchema>): Event => {
    const appended = create(EventSchema, {
      id: uuidv7(),
      source: name,
      time: timestampNow(),
      position: BigInt(log.length + 1),
      ...event,
    });
    log.push(appended);
    return appended;
  };

  const source: EventSource = {
    async *follow(positions, signal) {
      counts.follow++;
      if (faults.away) throw away();
      const read = new Map(positions);
      const isMissing = ({ subject, position }: Event) =>
        position > (read.get(partitionOf(subject)) ?? position);
      if (log.slice(0, Number(faults.removed)).some(isMissing)) {
        throw fail('OUT_OF_RANGE', 'EVENTS_REMOVED', 'Events were removed. Take a snapshot.');
      }
      // Positions are one more than the index.
      let next = Math.min(...[...read.values()].map(Number));
      while (!signal.aborted) {
        if (faults.away) throw away();
        const batch: Event[] = [];
        for (; next < log.length && batch.length < batchSize; next++) {
          const event = log[next] as Event;
          if ((read.get(partitionOf(event.subject)) ?? event.position) < event.position) batch.push(event);
        }
        if (batch.length === 0) {
          await tick(signal);
          continue;
        }
        counts.sent += batch.length;
        yield batch;
        if (faults.twice) yield batch;
      }
    },

    async snapshot(partition, signal) {
      counts.snapshot++;
      if (faults.away) throw away();
      const events = state
        .filter(({ subject }) => partitionOf(subject) === partition)
        .map((event) => create(EventSchema, { ...event, source: name, time: timestampNow() }));
      return {
        position: BigInt(log.length),
        events: (async function* () {
          for (let page = 0; page * batchSize < events.length; page++) {
            if (page === faults.snapshotPages) throw away();
            signal.throwIfAborted();
            yield events.slice(page * batchSize, (page + 1) * batchSize);
          }
        })(),
      };
    },

    async acknowledge(positions) {
      if (faults.away) throw away();
      for (const [partition, position] of positions) acknowledged.set(partition, position);
    },
  };

  return {
    source,
    log,
    state,
    acknowledged,
    faults,
    counts,
    append,
    publish: (events) =>
      events.map(({ id, type, subject, data, traceparent }) =>
        append({ id, type, subject, data, traceparent }),
      ),
  };
}
