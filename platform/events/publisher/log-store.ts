import type { Query, Queryable, Sql } from '../../db/database.ts';
import { PARTITIONS } from '../event.ts';
import { type Entry, type EventRow, sizeOf, toEntry } from './entry.ts';

/** What a run of move_events did. */
export interface Move {
  /** How many events it gave a position. */
  readonly moved: number;
  /** How many of each type. */
  readonly types: ReadonlyMap<string, number>;
  /** The events, in the order of their positions; undefined where they weren't wanted, or were too large. */
  readonly entries: readonly Entry[] | undefined;
  /** The last position that was given before. There may be no event that has it. */
  readonly positionBefore: bigint;
  /** Null where it moved none, as the next two. */
  readonly lastPosition: bigint | null;
  /** The last one's number in the outbox. */
  readonly lastSeq: bigint | null;
  /** The transaction that moved them. */
  readonly xid: bigint | null;
  /** The last number that any transaction had got in the outbox, before `xid` began: of a transaction's first move. */
  readonly givenSeq: bigint;
  /** All transactions before this one had ended by then. */
  readonly oldestXid: bigint;
}

/** How much to read at once, and at least one event. */
export interface ReadLimit {
  readonly events: number;
  /** The last event may go beyond it. */
  readonly bytes: number;
}

/** A stretch of the log. */
export interface Stretch {
  /** In the order of their positions. */
  readonly entries: readonly Entry[];
  /** Whether the limit was met: there may be more. */
  readonly full: boolean;
  /** Events after the positions that were asked for have been removed: this is not all. */
  readonly removed: boolean;
}

/** How much there is in the log and before it. */
export interface Fill {
  /** Events in the log, by PostgreSQL's estimate. */
  readonly events: number;
  /** When the oldest event was committed that is not yet in the log. Undefined: there is none. */
  readonly waitingSince: Date | undefined;
}

/** Outbox and log, as outbox.sql makes them. */
export interface LogStore {
  /**
   * Moves up to `atMost` committed events to the log's end, of those above the number `settled`. Gives the events
   * themselves if their data is `mostBytes` at most.
   */
  move(atMost: number, settled: bigint, mostBytes: number): Promise<Move>;
  /** Reads on after a position for each partition. */
  read(after: readonly bigint[], limit: ReadLimit): Promise<Stretch>;
  /** The last position in the log, also if its event was removed. 0: none. */
  lastPosition(): Promise<bigint>;
  /** How much there is. */
  fill(): Promise<Fill>;
}

type Row = EventRow & { removed: boolean };
/** The last row of a move tells of it and has no event, the others have an event alone. */
type MovedRow = EventRow & Pick<Move, 'positionBefore' | 'lastSeq' | 'xid' | 'givenSeq' | 'oldestXid'>;

/** The store on `sql`. */
export function createLogStore(sql: Sql, source: string): LogStore {
  return {
    move: (atMost, settled, mostBytes) => move(sql, source, atMost, settled, mostBytes),

    async read(after, limit) {
      const rows = await sql<Row[]>`
        select e.*, removed
        from (
          select exists (
            select from event_log_starts where position > (${after}::bigint[])[partition + 1]
          ) as removed
        ) log
        left join (
          select *, sum(octet_length(data) + 200) over (
            order by position rows between unbounded preceding and 1 preceding
          ) as before
          from (select * from (${merged(sql, after, limit.events)}) p order by position limit ${limit.events}) l
        ) e on coalesce(before, 0) < ${limit.bytes}
        order by position`;
      const [first] = rows;
      // Without an event there is still the one row that tells `removed`.
      const found = first?.id === null ? [] : rows;
      const entries = found.map((row) => toEntry(source, row));
      const bytes = entries.reduce((sum, { event }) => sum + sizeOf(event), 0);
      const full = entries.length === limit.events || bytes >= limit.bytes;
      return { entries, full, removed: first?.removed ?? false };
    },

    lastPosition: () => lastPosition(sql),

    async fill() {
      // reltuples is -1 where PostgreSQL has never looked.
      const [row] = await sql<[{ events: number; waitingSince: Date | null }]>`
        select greatest(reltuples, 0)::float8 as events,
          (select created_at from outbox order by seq limit 1) as "waitingSince"
        from pg_class where oid = 'events'::regclass`;
      return { events: row.events, waitingSince: row.waitingSince ?? undefined };
    },
  };
}

/** See {@link LogStore.move}. Under REPEATABLE READ it moves what the transaction sees. */
export async function move(
  sql: Queryable,
  source: string,
  atMost: number,
  settled: bigint,
  mostBytes: number,
): Promise<Move> {
  const rows = await sql<MovedRow[]>`
    select position, id, type, subject, data, traceparent, time, position_before as "positionBefore",
      last_seq as "lastSeq", xid, given_seq as "givenSeq", oldest_xid as "oldestXid"
    from move_events(${atMost}, ${settled}, ${mostBytes})`;
  const { positionBefore, lastSeq, xid, givenSeq, oldestXid } = rows.pop() as MovedRow;
  const types = new Map<string, number>();
  for (const { type } of rows) types.set(type, (types.get(type) ?? 0) + 1);
  const entries = rows[0]?.data === null ? undefined : rows.map((row) => toEntry(source, row));
  const lastPosition = rows.at(-1)?.position ?? null;
  const moved = rows.length;
  return { moved, types, entries, positionBefore, lastPosition, lastSeq, xid, givenSeq, oldestXid };
}

/** See {@link LogStore.lastPosition}. */
export async function lastPosition(sql: Queryable): Promise<bigint> {
  const [row] = await sql<[{ position: bigint }]>`${lastPositionQuery(sql)}`;
  return row.position;
}

/** A query for the last position in the log. */
export const lastPositionQuery = (sql: Queryable) => sql`
  select max(greatest(s.position, e.position)) as position
  from event_log_starts s left join lateral (
    select position from events where partition = s.partition order by position desc limit 1
  ) e on true`;

/** The partitions one by one, each by its key: PostgreSQL merges them, and reads no row more than it gives. */
function merged(sql: Queryable, after: readonly bigint[], limit: number): Query<object[]> {
  const one = (partition: number) => sql`
    (select position, id, type, subject, data, traceparent,
      date_part('epoch', created_at) as time
    from events where partition = ${partition} and position > ${after[partition]}
    order by position limit ${limit})`;
  let all = one(0);
  for (let partition = 1; partition < PARTITIONS; partition++) all = sql`${all} union all ${one(partition)}`;
  return all;
}
