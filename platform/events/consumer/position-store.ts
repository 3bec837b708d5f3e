import type { Sql, Transaction } from '../../db/database.ts';
import { fail, hasReason } from '../../errors.ts';
import { PARTITIONS } from '../event.ts';
import type { Positions } from '../source.ts';

/** A process that stands still in the middle of its transaction must not keep the others from its partitions. */
const IDLE_TIMEOUT = '5s';
const MOVED = 'POSITION_MOVED';

/** Up to where the effects of each publisher's events are committed. inbox.sql holds the table. */
export interface PositionStore {
  /** Makes the rows of publishers that are new here: their copies have yet to be built. */
  prepare(publishers: readonly string[]): Promise<void>;
  /** Where an instance's own partitions of a publisher stand. Those that need a snapshot are left out. */
  read(publisher: string, instance: string): Promise<Map<number, bigint>>;
  /**
   * Moves positions in the transaction that takes the effects: its first statement, as it makes whoever else has the
   * same events wait for the outcome. Tells whether any event of the publisher is parked.
   *
   * @throws an error that {@link isMoved} knows when a position is not where it was: roll back
   */
  advance(tx: Transaction, publisher: string, from: Positions, to: Positions): Promise<{ parked: boolean }>;
  /** Begins a rebuild: false when it isn't needed, or is another's. The row stays locked until the transaction ends. */
  beginRebuild(tx: Transaction, publisher: string, partition: number, instance: string): Promise<boolean>;
  /** Sets the position of the snapshot, in the transaction that took it. */
  endRebuild(tx: Transaction, publisher: string, partition: number, position: bigint): Promise<void>;
  /** Makes partitions be rebuilt, if they still are where they were. */
  requireRebuild(publisher: string, positions: Positions): Promise<void>;
  /** Makes all partitions of publishers be rebuilt. Returns how many there are. */
  requireRebuildOf(publishers: readonly string[]): Promise<number>;
}

/** Whether someone else has taken effect of the same events, or the copies are to be rebuilt. */
export const isMoved = (error: unknown): boolean => hasReason(error, MOVED);

/** Positions in PostgreSQL. */
export function createPositionStore(sql: Sql): PositionStore {
  return {
    async prepare(publishers) {
      await sql`
        insert into event_positions (publisher, partition)
        select publisher, partition
        from unnest(${publishers}::text[]) as publisher, generate_series(0, ${PARTITIONS - 1}::integer) as partition
        on conflict do nothing`;
    },

    async read(publisher, instance) {
      const rows = await sql<{ partition: number; position: bigint }[]>`
        select partition, position from event_positions
        where publisher = ${publisher} and owner = ${instance} and position is not null`;
      return new Map(rows.map(({ partition, position }) => [partition, position]));
    },

    async advance(tx, publisher, from, to) {
      const partitions = [...to.keys()];
      // Locked in one order by all that lock several.
      const [result] = await tx<{ moved: number; parked: boolean }[]>`
        with held as (
          select partition, position from event_positions
          where publisher = ${publisher} and partition = any(${partitions}::smallint[])
          order by partition for no key update
        ), moved as (
          update event_positions e set position = g.target
          from held h join unnest(
            ${partitions}::smallint[], ${partitions.map((partition) => from.get(partition))}::bigint[],
            ${partitions.map((partition) => to.get(partition))}::bigint[]
          ) as g (partition, origin, target) on g.partition = h.partition and g.origin = h.position
          where e.publisher = ${publisher} and e.partition = h.partition
          returning 1
        )
        select (select count(*) from moved)::integer as moved,
               exists (select from parked_events where publisher = ${publisher}) as parked,
               set_config('idle_in_transaction_session_timeout', ${IDLE_TIMEOUT}, true)`;
      if (result?.moved !== partitions.length) {
        throw fail('ABORTED', MOVED, 'Someone else has taken effect of these events.');
      }
      return { parked: result.parked };
    },

    async beginRebuild(tx, publisher, partition, instance) {
      const { count } = await tx`
        select from event_positions
        where publisher = ${publisher} and partition = ${partition} and owner = ${instance} and position is null
        for update skip locked`;
      return count === 1;
    },

    async endRebuild(tx, publisher, partition, position) {
      await tx`
        update event_positions set position = ${position}
        where publisher = ${publisher} and partition = ${partition}`;
    },

    async requireRebuild(publisher, positions) {
      await sql`
        update event_positions e set position = null
        from unnest(${[...positions.keys()]}::smallint[], ${[...positions.values()]}::bigint[]) as g (partition, origin)
        where e.publisher = ${publisher} and e.partition = g.partition and e.position = g.origin`;
    },

    async requireRebuildOf(publishers) {
      // One that is being rebuilt is locked for as long as it takes; it is null already.
      await sql`
        update event_positions set position = null
        where (publisher, partition) in (
          select publisher, partition from event_positions
          where publisher = any(${publishers}::text[]) and position is not null
          order by publisher, partition for update
        )`;
      return publishers.length * PARTITIONS;
    },
  };
}
