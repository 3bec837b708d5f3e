import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { PartitionPosition, SnapshotEventsResponse } from '@souk/contracts/shop/event/v1/feed_pb.js';
import { fail } from '../errors.ts';
import type { FeedClient } from './event-service.ts';
import type { EventSource, Positions } from './source.ts';

/** A publisher that is read by calls of its event service. Closing the client is up to who made it. */
export function feedSource(client: FeedClient): EventSource {
  return {
    async *follow(positions, signal) {
      try {
        for await (const { events } of client.followEvents(
          { partitions: toMessages(positions) },
          { signal },
        )) {
          yield events;
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },

    async snapshot(partition, signal) {
      const answers = client.snapshotEvents({ partition }, { signal })[Symbol.asyncIterator]();
      const first = await answers.next();
      if (first.done === true || first.value.position < 0n) throw broken();
      return { position: first.value.position, events: pages(first.value, answers) };
    },

    async acknowledge(positions) {
      await client.acknowledgeEvents({ partitions: toMessages(positions) });
    },
  };
}

/** The pages of a snapshot; the first answer may have one too. Leaving them ends the call. */
async function* pages(
  first: SnapshotEventsResponse,
  answers: AsyncIterator<SnapshotEventsResponse>,
): AsyncIterable<readonly Event[]> {
  try {
    if (first.events.length > 0) yield first.events;
    for (let next = await answers.next(); next.done !== true; next = await answers.next())
      yield next.value.events;
  } finally {
    await answers.return?.();
  }
}

const toMessages = (positions: Positions): Pick<PartitionPosition, 'partition' | 'position'>[] =>
  [...positions].map(([partition, position]) => ({ partition, position }));

const broken = () =>
  fail('INTERNAL', 'SNAPSHOT_BROKEN', 'The publisher sent a snapshot that does not begin with its position.');
