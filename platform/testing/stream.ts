import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { isMissing } from '../events/nats/stream.ts';
import { readEvent, readPlace, streamOf } from '../events/nats/wire.ts';

/** An event in a stream. */
export interface StoredEvent {
  readonly sequence: number;
  readonly partition: number;
  readonly previous: bigint;
  readonly position: bigint;
  readonly subject: string;
}

/** All events in a publisher's stream, in its order. Marks are left out. None if there is no stream. */
export async function storedEvents(connection: NatsConnection, publisher: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const consumer = await jetstream(connection)
    .consumers.get(streamOf(publisher))
    .catch((cause) => {
      if (!isMissing(cause)) throw cause;
    });
  const count = (await consumer?.info())?.num_pending ?? 0;
  if (!consumer || count === 0) return events;
  for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) {
    const { previous = -1n, position } = readPlace(message.headers) ?? {};
    const event = position === undefined ? undefined : readEvent(message.data);
    if (event) {
      const partition = Number(message.subject.split('.')[2]);
      events.push({
        sequence: message.seq,
        partition,
        previous,
        position: event.position,
        subject: event.subject,
      });
    }
  }
  return events;
}

/** What is wrong with a stream's order, one line each: each partition's events must follow each other. */
export function faultsIn(events: readonly StoredEvent[]): string[] {
  const last = new Map<number, bigint>();
  const faults: string[] = [];
  for (const { sequence, partition, previous, position } of events) {
    const before = last.get(partition);
    if (before !== undefined && before !== previous)
      faults.push(`message ${sequence}: ${position} after ${before}, and not after ${previous}`);
    last.set(partition, position);
  }
  return faults;
}
