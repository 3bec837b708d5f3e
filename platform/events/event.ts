import { create, type DescMessage, type Message, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { uuidv7 } from '../id.ts';
import { formatTraceparent, type TraceContext } from '../telemetry/trace.ts';

/** How many partitions each publisher's log has. Part of the contract: publishers and consumers compute the same. */
export const PARTITIONS = 8;

/** The partition of a subject (a UUID in lower case): its last byte modulo PARTITIONS, as in outbox.sql. */
export const partitionOf = (subject: string): number => Number.parseInt(subject.slice(-2), 16) % PARTITIONS;

/** An event that is about to be written to the outbox. */
export interface NewEvent {
  /** UUID. */
  readonly id: string;
  /** Full name of the message in `data`: `shop.user.v1.UserRegistered`. */
  readonly type: string;
  /** What it is about: a UUID in lower case. Events of one subject keep their order. */
  readonly subject: string;
  readonly data: Uint8Array;
  /** W3C trace context of the call that caused it. Empty: unknown. */
  readonly traceparent: string;
}

/** Makes an event of a message. */
export function newEvent<Schema extends DescMessage>(
  schema: Schema,
  subject: string,
  init: MessageInitShape<Schema>,
  trace?: TraceContext,
): NewEvent {
  return {
    id: uuidv7(),
    type: schema.typeName,
    subject,
    data: toBinary(schema, create(schema, init)),
    traceparent: trace === undefined ? '' : formatTraceparent(trace),
  };
}

/** An event as a subscriber gets it. */
export interface Received<M extends Message = Message> {
  readonly id: string;
  /** The publishing service's short name. */
  readonly source: string;
  readonly subject: string;
  /** When it was committed, near enough. */
  readonly time: Date;
  /** Its place in the publisher's log; 0: it is part of a snapshot. */
  readonly position: bigint;
  /** A span of this service, in the trace of what caused the event. */
  readonly trace: TraceContext;
  /** What has happened. Its `$typeName` tells the types of one subscription apart. */
  readonly message: M;
}
