import {
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import type { NatsConnection } from '@nats-io/transport-node';
import { PARTITIONS } from '../event.ts';
import type { Positions } from '../source.ts';
import { ANSWER_TIMEOUT_MS } from './broker.ts';
import { readPlace, streamOf, subjectsOf } from './wire.ts';

/** How long a message stays in a stream, and for how long a consumer that doesn't come is remembered. */
export const MAX_AGE_MS = 24 * 60 * 60 * 1000;
/** How big a stream may become. The oldest messages make room. */
const MAX_BYTES = 512 * 1024 * 1024;
/** For how long the broker knows an event again by its id. It keeps the ids in memory; repeats come within seconds. */
const DUPLICATE_WINDOW_MS = 5_000;

/** JetStream: consumer not found, stream not found. */
const MISSING: ReadonlySet<number> = new Set([10014, 10059]);

/**
 * Retention is by limits, and not by interest: a consumer that is away, or was never there, neither fills the broker
 * nor stops the relay, which a stream that keeps what was not read would do in the end. What is dropped unread is not
 * lost: the log keeps it until it is acknowledged there, and the consumer reads it from the log.
 */
const config = (publisher: string): Partial<StreamConfig> & { name: string } => ({
  name: streamOf(publisher),
  description: `A copy of the events in the log of ${publisher}`,
  subjects: [subjectsOf(publisher)],
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  max_age: nanos(MAX_AGE_MS),
  max_bytes: MAX_BYTES,
  duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  allow_msg_ttl: true,
});

/**
 * Makes a publisher's stream, or brings its settings up to date.
 *
 * @returns the sequence number of its last message
 */
export async function ensureStream(connection: NatsConnection, publisher: string): Promise<number> {
  const manager = await managerOf(connection);
  const wanted = config(publisher);
  try {
    return (await manager.streams.update(wanted.name, wanted)).state.last_seq;
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    return (await manager.streams.add(wanted)).state.last_seq;
  }
}

/** Whether the broker says that there is no such stream or consumer. */
export function isMissing(cause: unknown): boolean {
  return cause instanceof JetStreamApiError && MISSING.has(cause.code);
}

/** Up to where the stream has each partition. A partition that it has nothing of is left out. */
export async function positionsIn(connection: NatsConnection, publisher: string): Promise<Positions> {
  const manager = await managerOf(connection);
  const lasts = await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const last = await manager.streams.getMessage(streamOf(publisher), {
        last_by_subj: subjectsOf(publisher, partition),
      });
      const place = readPlace(last?.header);
      return place ? ([partition, place.position ?? place.previous] as const) : undefined;
    }),
  );
  return new Map(lasts.filter((last) => last !== undefined));
}

/** Removes all of a stream's messages. */
export async function emptyStream(connection: NatsConnection, publisher: string): Promise<void> {
  await (await managerOf(connection)).streams.purge(streamOf(publisher));
}

/** What asks a broker about its streams and consumers. */
export function managerOf(connection: NatsConnection) {
  return jetstreamManager(connection, { timeout: ANSWER_TIMEOUT_MS, checkAPI: false });
}
