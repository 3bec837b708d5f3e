import type { Registry } from 'prom-client';
import type { Sql } from '../../db/database.ts';
import { fail } from '../../errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { EventSource } from '../source.ts';
import { catalogues } from './catalogue.ts';
import { createParkedRecords, type ParkedRecords } from './parked-records.ts';
import { createParkedStore } from './parked-store.ts';
import { createPositionStore } from './position-store.ts';
import type { Subscription } from './subscription.ts';
import { createWork } from './work.ts';

/** What a consumer stands on. */
export interface ConsumerOptions {
  /** The database that holds the effects and the inbox, as inbox.sql makes it. */
  readonly sql: Sql;
  /** This process: unique among the service's that are alive. */
  readonly instance: string;
  readonly subscriptions: readonly Subscription[];
  /** Where each publisher that is subscribed to is read, by its short name. */
  readonly sources: ReadonlyMap<string, EventSource>;
  readonly log: Logger;
  readonly registry: Registry;
}

/** What one process of a service makes of others' events. Replicas share the work. */
export interface Consumer {
  /** Begins to consume, until `stopping` or {@link Consumer.stop}. */
  start(stopping: AbortSignal): void;
  /** Ends what is under way, and gives its partitions to the others. */
  stop(): Promise<void>;
  readonly parked: Pick<ParkedRecords, 'list' | 'get' | 'replay' | 'discard'>;
  /**
   * Has the copies of a publisher's data made anew, or of all publishers', from snapshots. Returns of how many
   * partitions, at once.
   *
   * @throws DomainError NOT_FOUND, PUBLISHER_NOT_FOUND: there is no subscription to it
   */
  rebuild(publisher?: string): Promise<number>;
}

/**
 * The consumer of one process. Without subscriptions nothing runs by itself.
 *
 * @throws Error when a publisher has no source, or a type two subscriptions
 */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { sql } = options;
  const positions = createPositionStore(sql);
  const parked = createParkedStore(sql);
  const records = createParkedRecords(sql, parked);
  const known = catalogues(options.subscriptions);
  const publishers = known.map(({ publisher }) => publisher);
  const work = known.length === 0 ? undefined : createWork(options, known, positions, parked, records);
  const stopped = new AbortController();
  let running: Promise<void> | undefined;

  return {
    start(stopping) {
      running ??= work?.run(AbortSignal.any([stopping, stopped.signal]));
    },

    async stop() {
      stopped.abort();
      await running;
    },

    parked: {
      ...records,
      async replay(eventId) {
        const replayed = await records.replay(eventId);
        work?.retry();
        return replayed;
      },
    },

    async rebuild(publisher) {
      if (publisher !== undefined && !publishers.includes(publisher)) {
        throw fail('NOT_FOUND', 'PUBLISHER_NOT_FOUND', 'This service has no subscription to that publisher.');
      }
      const rebuilt = publisher === undefined ? publishers : [publisher];
      if (rebuilt.length === 0) return 0;
      const partitions = await positions.requireRebuildOf(rebuilt);
      work?.refresh();
      return partitions;
    },
  };
}
