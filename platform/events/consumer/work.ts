import { acknowledge } from './acknowledge.ts';
import type { Catalogue } from './catalogue.ts';
import type { ConsumerOptions } from './consumer.ts';
import { createFollower } from './follower.ts';
import { createMemberStore } from './member-store.ts';
import { createMembership } from './membership.ts';
import { createConsumerMetrics } from './metrics.ts';
import type { ParkedRecords } from './parked-records.ts';
import type { ParkedStore } from './parked-store.ts';
import type { PositionStore } from './position-store.ts';
import type { PublisherContext } from './publisher-context.ts';
import { createRebuilder } from './rebuilder.ts';
import { createRetrier } from './retrier.ts';

/** What goes on in the background while there are subscriptions. */
export interface Work {
  run(stopping: AbortSignal): Promise<void>;
  /** Parked events may be due. */
  retry(): void;
  /** The assignment may have changed. */
  refresh(): void;
}

/** Wires the loops of one process: for each publisher, and those that all share. */
export function createWork(
  options: ConsumerOptions,
  catalogues: readonly Catalogue[],
  positions: PositionStore,
  parked: ParkedStore,
  records: ParkedRecords,
): Work {
  const { sql, instance, log, registry } = options;
  const publishers = catalogues.map(({ publisher }) => publisher);
  const observe = createConsumerMetrics(registry, publishers, records, log);
  const refresh = (): void => membership.refresh();

  const contexts = catalogues.map((catalogue): PublisherContext => {
    const { publisher } = catalogue;
    const source = options.sources.get(publisher);
    if (source === undefined) throw new Error(`there is no source for the subscription to ${publisher}`);
    return {
      sql,
      instance,
      catalogue,
      source,
      positions,
      parked,
      observer: observe(publisher),
      log,
      refresh,
    };
  });
  const byPublisher = new Map(contexts.map((context) => [context.catalogue.publisher, context]));
  const followers = new Map(
    contexts.map((context) => [context.catalogue.publisher, createFollower(context)]),
  );
  const rebuilders = new Map(
    contexts.map((context) => [context.catalogue.publisher, createRebuilder(context)]),
  );
  const retrier = createRetrier(byPublisher, parked, log);
  const membership = createMembership({
    instance,
    publishers,
    members: createMemberStore(sql),
    positions,
    log,
    assign(publisher, assignments) {
      const some = (rebuild: boolean): number[] =>
        assignments.filter((each) => each.rebuild === rebuild).map(({ partition }) => partition);
      followers.get(publisher)?.assign(some(false));
      rebuilders.get(publisher)?.assign(some(true));
    },
  });

  return {
    retry: retrier.wake,
    refresh,
    async run(stopping) {
      const loops = contexts.flatMap(({ catalogue: { publisher }, source }) => {
        const follower = followers.get(publisher);
        return [
          follower?.run(stopping),
          rebuilders.get(publisher)?.run(stopping),
          follower && acknowledge(source, follower.committed, log, stopping),
        ];
      });
      await membership.run(stopping, Promise.all([...loops, retrier.run(stopping)]));
    },
  };
}
