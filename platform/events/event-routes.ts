import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type ParkedEventSchema, ParkedEventState } from '@souk/contracts/shop/event/v1/operations_pb.js';
import { fail } from '../errors.ts';
import { createPageTokens } from '../paging/page-token.ts';
import type { Context } from '../rpc/context.ts';
import type { Consumer } from './consumer/consumer.ts';
import type { ParkedRecord } from './consumer/parked-records.ts';
import type { EventRoutes } from './event-service.ts';
import type { Publisher } from './publisher/publisher.ts';
import type { Positions } from './source.ts';

const DEFAULT_PAGE_SIZE = 50;
const pageTokens = createPageTokens('shop.event.v1.ListParkedEvents', ['string', 'bigint']);

/** The ten methods of a service's event service. */
export function eventRoutes(
  publisher: Omit<Publisher, 'wake' | 'start' | 'stop'>,
  consumer: Pick<Consumer, 'parked' | 'rebuild'>,
): EventRoutes {
  const { parked } = consumer;
  return {
    async *followEvents({ partitions }, context) {
      const batches = publisher.follow(nameOf(context), toPositions(partitions), context.signal);
      for await (const events of batches) yield { events: [...events] };
    },

    async *snapshotEvents({ partition }, context) {
      const { position, events } = await publisher.snapshot(nameOf(context), partition, context.signal);
      yield { position };
      for await (const page of events) yield { events: [...page] };
    },

    async acknowledgeEvents({ partitions }, context) {
      await publisher.acknowledge(nameOf(context), toPositions(partitions));
      return {};
    },

    async listEventConsumers() {
      const consumers = await publisher.consumers();
      return {
        consumers: consumers.map(({ name, lagEvents, oldestUnreadAt, seenAt }) => ({
          name,
          lagEvents: BigInt(lagEvents),
          ...(oldestUnreadAt !== undefined && { oldestUnreadTime: timestampFromDate(oldestUnreadAt) }),
          seenTime: timestampFromDate(seenAt),
        })),
      };
    },

    async removeEventConsumer({ name }) {
      await publisher.removeConsumer(name);
      return {};
    },

    async listParkedEvents({ pageSize, pageToken }) {
      const [source, position] = pageToken === '' ? [] : pageTokens.decode(null, pageToken);
      const after =
        source === undefined || position === undefined ? undefined : { publisher: source, position };
      const limit = pageSize || DEFAULT_PAGE_SIZE;
      const rows = await parked.list(limit + 1, after);
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return {
        parkedEvents: page.map(toMessage),
        nextPageToken: last === undefined ? '' : pageTokens.encode(null, [last.publisher, last.position]),
      };
    },

    getParkedEvent: async ({ eventId }) => ({ parkedEvent: toMessage(await parked.get(eventId)) }),

    replayParkedEvents: async ({ eventId }) => ({
      replayed: await parked.replay(eventId === '' ? undefined : eventId),
    }),

    async discardParkedEvent({ eventId }) {
      await parked.discard(eventId);
      return {};
    },

    rebuildCopies: async ({ publisher: name }) => ({
      partitions: await consumer.rebuild(name === '' ? undefined : name),
    }),
  };
}

/** The policy lets in services only; a consumer goes by the name that it has proven. */
function nameOf({ caller }: Context): string {
  if (caller.kind === 'service') return caller.name;
  throw fail('PERMISSION_DENIED', 'CALLER_NOT_ALLOWED', 'Only other services may call this.');
}

const toPositions = (partitions: readonly { partition: number; position: bigint }[]): Positions =>
  new Map(partitions.map(({ partition, position }) => [partition, position]));

const toMessage = (record: ParkedRecord): MessageInitShape<typeof ParkedEventSchema> => ({
  event: record.event,
  state: ParkedEventState[record.state],
  attempts: record.attempts,
  lastError: record.lastError,
  ...(record.nextAttemptAt !== null && { nextAttemptTime: timestampFromDate(record.nextAttemptAt) }),
  parkedTime: timestampFromDate(record.parkedAt),
});
