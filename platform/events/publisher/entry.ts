import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { PARTITIONS, partitionOf } from '../event.ts';
import type { Positions } from '../source.ts';

/** An event of the log. */
export interface Entry {
  readonly event: Event;
  readonly partition: number;
}

/** A row of the log, or of a snapshot. */
export interface EventRow {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly traceparent: string;
  /** 0: of a snapshot. */
  readonly position: bigint;
  /** Seconds since 1970, with microseconds. */
  readonly time: number;
}

/** The message of a row. Written out: `create` takes several times as long, and there are many. */
export function toEvent(source: string, row: EventRow): Event {
  const seconds = Math.floor(row.time);
  return {
    $typeName: 'shop.event.v1.Event',
    id: row.id,
    source,
    type: row.type,
    subject: row.subject,
    time: {
      $typeName: 'google.protobuf.Timestamp',
      seconds: BigInt(seconds),
      nanos: Math.round((row.time - seconds) * 1_000_000) * 1_000,
    },
    data: row.data,
    traceparent: row.traceparent,
    position: row.position,
  };
}

/** The event and its partition. */
export const toEntry = (source: string, row: EventRow): Entry => ({
  event: toEvent(source, row),
  partition: partitionOf(row.subject),
});

/** What an event counts against limits of bytes: its data and about as much as the rest takes. */
export const sizeOf = (event: Event): number => event.data.length + 200;

/** Behind every position: of a partition that is not followed. */
export const NOT_FOLLOWED = 2n ** 63n - 1n;

/** How far a stream is. */
export interface Cursor {
  /** What it goes on after, by partition; NOT_FOLLOWED. */
  readonly after: readonly bigint[];
  /** All events of its partitions up to this position were given. */
  readonly upTo: bigint;
}

/** The least of some positions; NOT_FOLLOWED where there are none. */
export function least(positions: Iterable<bigint>): bigint {
  let found = NOT_FOLLOWED;
  for (const position of positions) if (position < found) found = position;
  return found;
}

/** Where a stream begins that asks for these positions. */
export function cursorAt(positions: Positions): Cursor {
  const after = Array.from({ length: PARTITIONS }, (_, each) => positions.get(each) ?? NOT_FOLLOWED);
  return { after, upTo: least(after) };
}

/** What remains to be read after it: a position for each partition. */
export const remaining = ({ after, upTo }: Cursor): bigint[] =>
  after.map((position) => (position > upTo ? position : upTo));
