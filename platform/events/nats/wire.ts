import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { type Event, EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import { uuidv7 } from '../../id.ts';
import { partitionOf } from '../event.ts';

/** The stream of a publisher, by its short name: `SOUK_USER`. */
export const streamOf = (publisher: string): string => `SOUK_${publisher.toUpperCase().replaceAll('-', '_')}`;

/** All that is published of one partition, or, without it, of all: `souk.user.3.>`. */
export const subjectsOf = (publisher: string, partition?: number): string =>
  partition === undefined ? `souk.${publisher}.>` : `souk.${publisher}.${partition}.>`;

/** The subject of marks, see {@link Outgoing}. No type of event is called so: they have packages. */
const MARK = 'mark';
/** The event's place in the publisher's log. */
const POSITION = 'Event-Position';
/** The place of the one before it in the same partition: whoever has not come so far has missed something. */
const PREVIOUS = 'Event-Previous';

/** A message as it is published. Its body is an encoded shop.event.v1.Event; a mark has none. */
export interface Outgoing {
  readonly subject: string;
  /** For a while the broker knows by it what it has. */
  readonly id: string;
  readonly headers: MsgHdrs;
  readonly body: Uint8Array;
}

/** A message as it is received. */
export interface Place {
  /** Whoever has not read the partition up to here has missed something. */
  readonly previous: bigint;
  /** The event's place. Undefined: it is a mark, and says only that the log goes at least up to `previous`. */
  readonly position: bigint | undefined;
}

/** An event, as a message. */
export function eventMessage(publisher: string, event: Event, previous: bigint): Outgoing {
  const head = headers();
  head.set(POSITION, String(event.position));
  head.set(PREVIOUS, String(previous));
  const subject = `souk.${publisher}.${partitionOf(event.subject)}.${event.type}`;
  return { subject, id: event.id, headers: head, body: toBinary(EventSchema, event) };
}

/** A mark: up to where a partition has been relayed. */
export function markMessage(publisher: string, partition: number, position: bigint): Outgoing {
  const head = headers();
  head.set(PREVIOUS, String(position));
  // It is of use until the next one.
  head.set('Nats-TTL', '60s');
  const subject = `souk.${publisher}.${partition}.${MARK}`;
  return { subject, id: uuidv7(), headers: head, body: new Uint8Array() };
}

/** What a message says of its place. Undefined: it is none of ours, and says nothing. */
export function readPlace(head: MsgHdrs | undefined): Place | undefined {
  const previous = placeIn(head, PREVIOUS);
  return previous === undefined ? undefined : { previous, position: placeIn(head, POSITION) };
}

/** The event that a message holds; undefined if it can't be decoded. */
export function readEvent(body: Uint8Array): Event | undefined {
  try {
    return fromBinary(EventSchema, body);
  } catch {
    return undefined;
  }
}

function placeIn(head: MsgHdrs | undefined, name: string): bigint | undefined {
  const text = head?.get(name);
  return text && /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
}
