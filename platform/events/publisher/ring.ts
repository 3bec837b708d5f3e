import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { type Cursor, type Entry, sizeOf } from './entry.ts';
import type { ReadLimit } from './log-store.ts';

/** The next events of a stream, and its cursor after them. */
export interface Batch {
  readonly events: readonly Event[];
  readonly upTo: bigint;
}

/** The end of the log, in memory, without a gap. */
export interface Ring {
  /** The last position in it. What it holds begins after {@link start}. */
  readonly head: bigint;
  readonly start: bigint;
  /** Forgets all, and goes on after a position. */
  reset(position: bigint): void;
  /** What the log has directly after `head`. The oldest make room for it. */
  append(entries: readonly Entry[]): void;
  /** A stream's next batch, empty when it is at `head`; undefined when it is before or behind what is held. */
  read(cursor: Cursor, limit: ReadLimit): Batch | undefined;
}

/** An empty ring, which holds `limit` at most. */
export function createRing(limit: ReadLimit): Ring {
  let entries: Entry[] = [];
  let bytes = 0;
  // Before any position: it holds nothing yet, also for who begins at 0.
  let start = -1n;
  let head = -1n;

  function dropOldest(): void {
    const kept = entries.slice(Math.ceil(entries.length / 2));
    start = (entries[entries.length - kept.length - 1] as Entry).event.position;
    entries = kept;
    bytes = kept.reduce((sum, { event }) => sum + sizeOf(event), 0);
  }

  return {
    get head() {
      return head;
    },
    get start() {
      return start;
    },

    reset(position) {
      entries = [];
      bytes = 0;
      start = head = position;
    },

    append(more) {
      for (const entry of more) {
        entries.push(entry);
        bytes += sizeOf(entry.event);
        head = entry.event.position;
      }
      // Half of it at once: to drop one for each that comes would move all the others each time.
      while (entries.length > limit.events || bytes > limit.bytes) dropOldest();
    },

    read(cursor, most) {
      if (cursor.upTo < start || cursor.upTo > head) return undefined;
      const events: Event[] = [];
      let size = 0;
      for (let at = firstAfter(entries, cursor.upTo); at < entries.length; at++) {
        const { event, partition } = entries[at] as Entry;
        if (event.position <= (cursor.after[partition] as bigint)) continue;
        events.push(event);
        size += sizeOf(event);
        if (events.length === most.events || size >= most.bytes) return { events, upTo: event.position };
      }
      return { events, upTo: head };
    },
  };
}

/** Index of the first entry behind a position. */
function firstAfter(entries: readonly Entry[], position: bigint): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as Entry).event.position > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
