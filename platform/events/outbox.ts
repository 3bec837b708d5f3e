import { byteas, texts, uuids } from '../db/arrays.ts';
import type { Queryable } from '../db/database.ts';
import type { NewEvent } from './event.ts';

/**
 * Writes events in the transaction that changes the state, in their order. Call it after the rows that they are about
 * are locked, be it by their update: what comes first in here comes first in the log. After the commit call
 * `publisher.wake()`. An event's data is 256 KiB at most.
 */
export async function appendEvents(tx: Queryable, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx`
    insert into outbox (id, subject, type, data, traceparent)
    select id, subject, type, data, traceparent from ${eventRows(tx, events)} order by n`;
}

/**
 * The same as a part of a statement that changes the state: an INSERT of those events whose subject is among `changed`,
 * a query for the ids that the statement has changed. It makes the events wait for the rows' locks.
 *
 * ```ts
 * sql`
 *   with changed as (update orders set … where … returning *),
 *   published as (${insertEvents(sql, events, sql`select id from changed`)})
 *   select … from changed`
 * ```
 */
export function insertEvents(sql: Queryable, events: readonly NewEvent[], changed: ReturnType<Queryable>) {
  return sql`
    insert into outbox (id, subject, type, data, traceparent)
    select id, subject, type, data, traceparent from ${eventRows(sql, events)}
    where subject in (${changed}) order by n`;
}

function eventRows(sql: Queryable, events: readonly NewEvent[]) {
  return sql`
    unnest(
      ${uuids(events.map(({ id }) => id))}::uuid[], ${uuids(events.map(({ subject }) => subject))}::uuid[],
      ${texts(events.map(({ type }) => type))}::text[], ${byteas(events.map(({ data }) => data))}::bytea[],
      ${texts(events.map(({ traceparent }) => traceparent))}::text[]
    ) with ordinality as event (id, subject, type, data, traceparent, n)`;
}
