import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';

/** Up to where a partition has been read: partition to position. */
export type Positions = ReadonlyMap<number, bigint>;

/** What a publisher has, at one moment. */
export interface Snapshot {
  /** The position to go on after: the snapshot is what the log says up to there. */
  readonly position: bigint;
  readonly events: AsyncIterable<readonly Event[]>;
}

/** One publisher, as its consumer sees it. Both transports are behind it; contract.integration.test.ts holds for both. */
export interface EventSource {
  /**
   * Yields the events after `positions`, and then each as it happens: at least once, those of one subject in their
   * order. An event at or before the position of its partition may come again. A batch comes once the one before is
   * dealt with, so that memory is bounded. Ends when `signal` aborts.
   *
   * @throws DomainError OUT_OF_RANGE, reason EVENTS_REMOVED, when the log doesn't reach back to a position: take a
   * snapshot. UNAVAILABLE and others: call again after the last position
   */
  follow(positions: Positions, signal: AbortSignal): AsyncIterable<readonly Event[]>;
  /** Takes a snapshot of one partition. The signal ends it. */
  snapshot(partition: number, signal: AbortSignal): Promise<Snapshot>;
  /** Tells the publisher up to where the effects are committed, so that it may forget the events. */
  acknowledge(positions: Positions): Promise<void>;
}
