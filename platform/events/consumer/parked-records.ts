import { fromBinary } from '@bufbuild/protobuf';
import { type Event, EventSchema } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { Sql } from '../../db/database.ts';
import { type DomainError, fail } from '../../errors.ts';
import type { ParkedKey, ParkedState, ParkedStore } from './parked-store.ts';

/** A parked event, as operators see it. */
export interface ParkedRecord extends ParkedKey {
  readonly event: Event;
  readonly state: ParkedState;
  readonly attempts: number;
  readonly lastError: string;
  /** Null: not by itself. */
  readonly nextAttemptAt: Date | null;
  readonly parkedAt: Date;
}

/** What operators read of parked events and do about them. All of it is about all instances. */
export interface ParkedRecords {
  /** By publisher and position, those after `after`. */
  list(limit: number, after?: ParkedKey): Promise<ParkedRecord[]>;
  /** Throws NOT_FOUND, PARKED_EVENT_NOT_FOUND, as the others do. */
  get(eventId: string): Promise<ParkedRecord>;
  /** Makes the first event of each subject due, or of the given event's subject. Returns how many that are. */
  replay(eventId?: string): Promise<number>;
  discard(eventId: string): Promise<void>;
  /** How many there are, by publisher and state. */
  count(): Promise<{ publisher: string; state: ParkedState; count: number }[]>;
}

/** Records in PostgreSQL. */
export function createParkedRecords(sql: Sql, store: Pick<ParkedStore, 'remove'>): ParkedRecords {
  const columns = sql`
    publisher, position, event, state, attempts, last_error as "lastError", next_attempt_at as "nextAttemptAt",
    parked_at as "parkedAt"`;
  type Row = Omit<ParkedRecord, 'event'> & { event: Uint8Array };
  const toRecord = (row: Row): ParkedRecord => ({ ...row, event: fromBinary(EventSchema, row.event) });

  return {
    async list(limit, after) {
      const rows = await sql<Row[]>`
        select ${columns} from parked_events
        where (publisher, position) > (${after?.publisher ?? ''}, ${after?.position ?? 0n}::bigint)
        order by publisher, position limit ${limit}`;
      return rows.map(toRecord);
    },

    async get(eventId) {
      const [row] = await sql<
        Row[]
      >`select ${columns} from parked_events where event_id = ${eventId} limit 1`;
      if (row === undefined) throw notParked();
      return toRecord(row);
    },

    async replay(eventId) {
      const due = sql`state = 'RETRYING', attempts = 0, next_attempt_at = now()`;
      if (eventId === undefined) {
        const { count } = await sql`update parked_events set ${due} where state in ('RETRYING', 'PARKED')`;
        return count;
      }
      // One that waits can't be tried before those in front of it.
      const { count } = await sql`
        update parked_events set ${due}
        where (publisher, position) in (
          select p.publisher, min(p.position) from parked_events p
          join parked_events named using (publisher, subject)
          where named.event_id = ${eventId} group by p.publisher
        )`;
      if (count === 0) throw notParked();
      return count;
    },

    async discard(eventId) {
      await sql.begin(async (tx) => {
        const [row] = await tx<(ParkedKey & { subject: string })[]>`
          select publisher, position, subject from parked_events where event_id = ${eventId} for update`;
        if (row === undefined) throw notParked();
        await store.remove(tx, row, row.subject);
      });
    },

    async count() {
      return sql<{ publisher: string; state: ParkedState; count: number }[]>`
        select publisher, state, count(*)::integer as count from parked_events group by publisher, state`;
    },
  };
}

const notParked = (): DomainError =>
  fail(
    'NOT_FOUND',
    'PARKED_EVENT_NOT_FOUND',
    'No event with this id is parked. It may have taken effect meanwhile; ListParkedEvents tells which are.',
  );
