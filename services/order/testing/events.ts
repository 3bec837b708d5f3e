import {
  create,
  createRegistry,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import { type Event, EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import * as orderEvents from '@souk/contracts/shop/order/v1/order_events_pb.js';
import type { Sql } from '../../../platform/db/database.ts';
import { newEvent, partitionOf } from '../../../platform/events/event.ts';
import type { EventSource } from '../../../platform/events/source.ts';
import type { TraceContext } from '../../../platform/telemetry/trace.ts';

/** An event of the order service, decoded. */
export interface Published {
  /** OrderPlaced and so on. */
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: of whichever type
  readonly message: any;
  readonly traceparent: string;
}

const registry = createRegistry(
  orderEvents.OrderPlacedSchema,
  orderEvents.OrderUpdatedSchema,
  orderEvents.OrderCancelledSchema,
  orderEvents.OrderRejectedSchema,
);

/** What an event of the order service says. */
export function decode({ type, data }: { readonly type: string; readonly data: Uint8Array }) {
  const schema = registry.getMessage(type);
  if (schema === undefined) throw new Error(`the order service publishes no ${type}`);
  return { name: schema.name, message: fromBinary(schema, data) };
}

/** What is published of an order, in its order: in the outbox, or in the log already. */
export async function publishedOf(sql: Sql, orderId: string): Promise<Published[]> {
  const rows = await sql<{ type: string; data: Uint8Array; traceparent: string }[]>`
    select type, data, traceparent from (
      select 0 as place, position as at, type, data, traceparent from events where subject = ${orderId}
      union all
      select 1, seq, type, data, traceparent from outbox where subject = ${orderId}
    ) all_events order by place, at`;
  return rows.map((row) => ({ ...decode(row), traceparent: row.traceparent }));
}

/** Another service's events, in memory. */
export interface EventLog extends EventSource {
  publish<Schema extends DescMessage>(
    schema: Schema,
    subject: string,
    init: MessageInitShape<Schema>,
    trace?: TraceContext,
  ): void;
}

/** A log whose snapshot is all that was published. */
export function createEventLog(source: string): EventLog {
  const events: Event[] = [];
  let published = Promise.withResolvers<void>();
  const after = (positions: ReadonlyMap<number, bigint>) =>
    events.filter(({ subject, position }) => position > (positions.get(partitionOf(subject)) ?? position));

  return {
    publish(schema, subject, init, trace) {
      const event = newEvent(schema, subject, init, trace);
      const position = BigInt(events.length + 1);
      events.push(create(EventSchema, { ...event, source, time: timestampNow(), position }));
      published.resolve();
      published = Promise.withResolvers();
    },

    async *follow(positions, signal) {
      const at = new Map(positions);
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      while (!signal.aborted) {
        const next = published.promise;
        const batch = after(at);
        for (const { subject, position } of batch) at.set(partitionOf(subject), position);
        if (batch.length > 0) yield batch;
        else await Promise.race([next, aborted]);
      }
    },

    async snapshot(partition) {
      const known = events.filter(({ subject }) => partitionOf(subject) === partition);
      const pages = known.length === 0 ? [] : [known.map((event) => ({ ...event, position: 0n }))];
      return {
        position: BigInt(events.length),
        events: (async function* () {
          yield* pages;
        })(),
      };
    },

    acknowledge: async () => {},
  };
}
