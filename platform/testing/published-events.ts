import { type DescFile, fromBinary, type Message } from '@bufbuild/protobuf';
import type { Sql } from '../db/database.ts';

/** An event in a service's log. */
export interface PublishedEvent {
  readonly id: string;
  readonly subject: string;
  readonly traceparent: string;
  /** Its bytes, and what they say. */
  readonly data: Uint8Array;
  readonly message: Message;
}

/** All that a service has published so far, in order: what is in its log, and after it what is in the outbox. */
export async function publishedEvents(sql: Sql, types: DescFile): Promise<PublishedEvent[]> {
  const schemas = new Map(types.messages.map((schema) => [schema.typeName, schema]));
  const rows = await sql<{ id: string; subject: string; traceparent: string; type: string; data: Buffer }[]>`
    select id, subject, traceparent, type, data from (
      select 0 as place, position as n, id, subject, traceparent, type, data from events
      union all select 1, seq, id, subject, traceparent, type, data from outbox
    ) published
    order by place, n`;
  return rows.map(({ type, ...row }) => {
    const schema = schemas.get(type);
    if (!schema) throw new Error(`an event of a type that is not in ${types.name}: ${type}`);
    return { ...row, message: fromBinary(schema, row.data) };
  });
}
