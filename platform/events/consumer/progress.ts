import type { Positions } from '../source.ts';
import type { Item } from './catalogue.ts';

/** How far one stream of a publisher's events has come, by partition. */
export interface Progress {
  /** Positions whose effects are committed. */
  readonly committed: Positions;
  /** Drops what has been seen before and what is of other partitions. */
  fresh(items: readonly Item[]): Item[];
  /** Notes events without an effect: their positions are committed with the next that have one. */
  skip(items: readonly Item[]): void;
  /** Whether there are positions that {@link Progress.skip} noted. */
  skipped(): boolean;
  /** The positions to commit together with the effects of `items`. */
  target(items: readonly Item[]): Map<number, bigint>;
  /** Notes that a target was committed. */
  commit(target: Positions): void;
}

/** Progress of a stream that begins after `positions`. */
export function createProgress(positions: Positions): Progress {
  const committed = new Map(positions);
  const seen = new Map(positions);
  const pending = new Map<number, bigint>();
  return {
    committed,
    fresh: (items) =>
      items.filter(({ partition, event: { position } }) => {
        const last = seen.get(partition);
        if (last === undefined || position <= last) return false;
        seen.set(partition, position);
        return true;
      }),
    skip(items) {
      for (const { partition, event } of items) pending.set(partition, event.position);
    },
    skipped: () => pending.size > 0,
    target(items) {
      const target = new Map(pending);
      for (const { partition, event } of items) target.set(partition, event.position);
      return target;
    },
    commit(target) {
      for (const [partition, position] of target) {
        committed.set(partition, position);
        // It may have been the first half of a batch, and what was skipped before it.
        pending.delete(partition);
      }
    },
  };
}
