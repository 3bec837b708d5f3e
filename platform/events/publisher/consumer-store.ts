import type { Queryable, Sql } from '../../db/database.ts';
import { type DomainError, fail } from '../../errors.ts';
import type { Positions } from '../source.ts';
import { lastPositionQuery } from './log-store.ts';

/** A service that reads the events. */
export interface RegisteredConsumer {
  readonly name: string;
  /** How many events it has not acknowledged. Counted up to 100,000. */
  readonly lagEvents: number;
  /** When the oldest of them was committed. Undefined: it has read all. */
  readonly oldestUnreadAt: Date | undefined;
  /** When it last acknowledged anything or began to follow. */
  readonly seenAt: Date;
}

/** Who reads the log, and up to where. */
export interface ConsumerStore {
  /** Notes that a consumer reads on after the positions. Throws {@link eventsRemoved}. */
  register(consumer: string, positions: Positions): Promise<void>;
  /** Notes, on this connection, that a consumer goes on after a position of one partition. */
  registerAt(on: Queryable, consumer: string, partition: number, position: bigint): Promise<void>;
  /** Notes what a consumer has done with. Throws OUT_OF_RANGE, reason POSITION_UNKNOWN. */
  acknowledge(consumer: string, positions: Positions): Promise<void>;
  /** All, by name. */
  list(): Promise<RegisteredConsumer[]>;
  /** Throws NOT_FOUND, reason EVENT_CONSUMER_NOT_FOUND. */
  remove(name: string): Promise<void>;
}

const MAX_LAG = 100_000;

/** The log doesn't reach back to where a consumer is. */
export const eventsRemoved = (): DomainError =>
  fail(
    'OUT_OF_RANGE',
    'EVENTS_REMOVED',
    'The log does not have the events after this position. Take a snapshot, and follow from its position.',
  );

/** The store on `sql`. */
export function createConsumerStore(sql: Sql): ConsumerStore {
  return {
    register: (consumer, positions) =>
      sql.begin(async (tx) => {
        // Locked: what removes events waits, and then sees the consumer; or it was first, and is seen.
        const starts = await tx<{ partition: number; position: bigint }[]>`
          select partition, position from event_log_starts
          where partition = any (${[...positions.keys()]}::smallint[]) order by partition for share`;
        if (starts.some(({ partition, position }) => position > (positions.get(partition) as bigint))) {
          throw eventsRemoved();
        }
        // A position that was never given: the log is not the one that it was read from, but a restored one.
        if (!(await raise(tx, consumer, positions, within(tx)))) throw eventsRemoved();
      }),

    async registerAt(on, consumer, partition, position) {
      await raise(on, consumer, new Map([[partition, position]]), on`true`);
    },

    async acknowledge(consumer, positions) {
      if (await raise(sql, consumer, positions, within(sql))) return;
      throw fail(
        'OUT_OF_RANGE',
        'POSITION_UNKNOWN',
        'The log never came to this position. Acknowledge positions of events that you were sent.',
      );
    },

    async list() {
      const rows = await sql<(RegisteredConsumer & { oldestUnreadAt: Date | null })[]>`
        select c.consumer as name, max(c.seen_at) as "seenAt", min(first.created_at) as "oldestUnreadAt",
          (
            select count(*)::integer from (
              select from event_consumers r cross join lateral (
                select from events where partition = r.partition and position > r.position
                order by position limit ${MAX_LAG}
              ) e
              where r.consumer = c.consumer limit ${MAX_LAG}
            ) unread
          ) as "lagEvents"
        from event_consumers c left join lateral (
          select created_at from events
          where partition = c.partition and position > c.position order by position limit 1
        ) first on true
        group by c.consumer order by c.consumer`;
      return rows.map((row) => ({ ...row, oldestUnreadAt: row.oldestUnreadAt ?? undefined }));
    },

    async remove(name) {
      const { count } = await sql`delete from event_consumers where consumer = ${name}`;
      if (count > 0) return;
      throw fail('NOT_FOUND', 'EVENT_CONSUMER_NOT_FOUND', 'No such consumer. ListEventConsumers names them.');
    },
  };
}

/** That the log has come to all positions that are given to {@link raise}. */
const within = (sql: Queryable) => sql`(select max(position) from given) <= (${lastPositionQuery(sql)})`;

/** Raises a consumer's positions, or makes them. False, and nothing is done: the condition doesn't hold. */
async function raise(
  sql: Queryable,
  consumer: string,
  positions: Positions,
  condition: ReturnType<Queryable>,
): Promise<boolean> {
  const { count } = await sql`
    with given as (
      select partition, position
      from unnest(${[...positions.keys()]}::smallint[], ${[...positions.values()]}::bigint[]) as g (partition, position)
    )
    insert into event_consumers as c (consumer, partition, position)
    select ${consumer}, partition, position from given where ${condition} order by partition
    on conflict (consumer, partition) do update
    set position = greatest(c.position, excluded.position), seen_at = excluded.seen_at`;
  return count > 0;
}
