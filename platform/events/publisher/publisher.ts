import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { Registry } from 'prom-client';
import type { Sql } from '../../db/database.ts';
import { invalidField } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { PARTITIONS } from '../event.ts';
import type { Positions, Snapshot } from '../source.ts';
import { recordPublished } from '../span.ts';
import { createConsumerStore, type RegisteredConsumer } from './consumer-store.ts';
import { follow } from './follow.ts';
import { createLiveTail } from './live-tail.ts';
import { createLogStore, type Move } from './log-store.ts';
import { createPublisherMetrics } from './metrics.ts';
import { removeOldEventsRegularly } from './retention.ts';
import { createSequencer } from './sequencer.ts';
import { createSnapshots, type SnapshotReader } from './snapshot.ts';

/** What a publisher stands on. */
export interface PublisherOptions {
  /** The database that holds state, outbox and log: as outbox.sql makes them. */
  readonly sql: Sql;
  /** The service's short name: "user". */
  readonly source: string;
  readonly snapshot: SnapshotReader;
  readonly log: Logger;
  readonly registry: Registry;
  /** How long an event stays in the log at the least, in seconds. */
  readonly retentionSeconds: number;
}

/** What one process of a service does for its events. Replicas share the log. */
export interface Publisher {
  /** Events were committed: moves them to the log soon. Cheap; call it after each commit that has written some. */
  wake(): void;
  /** Begins to work. `stopping` ends what is done from time to time; the rest goes on until `stop`. */
  start(stopping: AbortSignal): void;
  /** Ends all streams, and resolves when nothing is under way. What is still in the outbox, another process moves. */
  stop(): Promise<void>;
  /**
   * The events after the positions, in the order of their positions, and then each as it happens. Batches of at most
   * 500 events and about 256 KiB; an empty one after 10 s of silence. Registers the consumer. Ends at the signal.
   *
   * @throws DomainError OUT_OF_RANGE, EVENTS_REMOVED: the log doesn't reach back to a position
   */
  follow(consumer: string, positions: Positions, signal: AbortSignal): AsyncIterable<readonly Event[]>;
  /**
   * What there is in one partition, and the position that this is the state at, exactly. Registers the consumer there.
   * Waits while others are taken. To be read to its end or returned from; the signal ends it as well, and so does a
   * pause of a minute: it then throws.
   *
   * @throws DomainError UNAVAILABLE: try again
   */
  snapshot(consumer: string, partition: number, signal: AbortSignal): Promise<Snapshot>;
  /**
   * Notes up to where a consumer has committed the effects. Never moves back.
   *
   * @throws DomainError OUT_OF_RANGE, POSITION_UNKNOWN: the log never came so far
   */
  acknowledge(consumer: string, positions: Positions): Promise<void>;
  /** All that are registered, by name. */
  consumers(): Promise<RegisteredConsumer[]>;
  /** Forgets a consumer. Throws NOT_FOUND, EVENT_CONSUMER_NOT_FOUND. */
  removeConsumer(name: string): Promise<void>;
}

/** The publisher of one process. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { sql, source, log: logger, retentionSeconds } = options;
  const log = createLogStore(sql, source);
  const consumers = createConsumerStore(sql);
  const tail = createLiveTail(sql, log);
  const readings = { consumers: consumers.list, fill: log.fill };
  const metrics = createPublisherMetrics(options.registry, source, readings, logger);
  const onMoved = (move: Move): void => {
    metrics.published(move);
    tail.moved(move);
  };
  const sequencer = createSequencer({ log, wanted: () => tail.followed, onMoved, logger });
  const stopped = new AbortController();
  const read = options.snapshot;
  const snapshot = createSnapshots({ sql, source, read, log, consumers, onMoved, stopped: stopped.signal });

  return {
    wake: sequencer.wake,
    start(stopping) {
      sequencer.start(stopping);
      tail.start(stopping);
      void removeOldEventsRegularly(sql, retentionSeconds, logger, stopping);
    },
    async stop() {
      stopped.abort();
      await Promise.all([sequencer.stop(), tail.stop()]);
    },
    follow(consumer, positions, signal) {
      check(positions);
      return recorded(source, consumer, follow({ log, tail, consumers }, consumer, positions, signal));
    },
    async snapshot(consumer, partition, signal) {
      check(new Map([[partition, 0n]]));
      return snapshot(consumer, partition, signal);
    },
    async acknowledge(consumer, positions) {
      check(positions);
      await consumers.acknowledge(consumer, positions);
    },
    consumers: consumers.list,
    removeConsumer: consumers.remove,
  };
}

async function* recorded(
  source: string,
  consumer: string,
  batches: AsyncIterable<readonly Event[]>,
): AsyncGenerator<readonly Event[]> {
  for await (const events of batches) {
    recordPublished(source, consumer, events);
    yield events;
  }
}

function check(positions: Positions): void {
  if (positions.size === 0) throw invalidField('partitions', 'name at least one');
  for (const [partition, position] of positions) {
    if (!Number.isInteger(partition) || partition < 0 || partition >= PARTITIONS)
      throw invalidField('partitions', `must be 0 to ${PARTITIONS - 1}`);
    if (position < 0n) throw invalidField('partitions', 'a position must be 0 at least');
  }
}
