import type { Query, Sql } from '../../db/database.ts';

/** A partition that an instance reads. */
export interface Assignment {
  readonly publisher: string;
  readonly partition: number;
  /** A snapshot has to be taken first. */
  readonly rebuild: boolean;
}

/** How an instance stands with a partition. */
export interface Standing extends Assignment {
  readonly mine: boolean;
  /** Nobody's, or of one who was silent for too long. */
  readonly free: boolean;
  /** How many instances share the publisher's partitions. */
  readonly members: number;
}

/** Who of a service's instances reads which partitions. inbox.sql holds the tables. */
export interface MemberStore {
  /** Says that an instance is there, and keeps what it has. */
  renew(instance: string, publishers: readonly string[]): Promise<void>;
  standings(instance: string, publishers: readonly string[]): Promise<Standing[]>;
  /** Takes up to `limit` partitions of a publisher that are free. */
  take(instance: string, publisher: string, limit: number): Promise<Assignment[]>;
  /** Gives partitions back, but for those that are rebuilt. Returns those given back. */
  release(instance: string, publisher: string, partitions: readonly number[]): Promise<number[]>;
  /** Gives everything back. */
  leave(instance: string): Promise<void>;
}

/** After this time of silence others take an instance's partitions. */
const LEASE_SECONDS = 4;
/**
 * How long instances of the release before leave a partition alone: they look at the partition's row and not at its
 * owner's. It is renewed when half of it is over, as a batch that moves the position waits meanwhile.
 */
const ROW_LEASE_SECONDS = 60;

/** Membership in PostgreSQL, whose clock is everybody's. */
export function createMemberStore(sql: Sql): MemberStore {
  const lease = sql`${LEASE_SECONDS} * interval '1 second'`;
  const rowLease = sql`${ROW_LEASE_SECONDS} * interval '1 second'`;
  /** Of a partition: it is nobody's, or of one who was silent for too long. */
  const free = sql`
    (owner is null or not exists (
      select from event_members m where m.instance = owner and m.publisher = p.publisher and seen_at > now() - ${lease}
    ))`;

  /**
   * CTEs that lock those of an instance's partitions that fulfil a condition, and the query for them. One that is being
   * rebuilt is locked for as long as that takes, and is left out. The others are locked for a batch at a time, nearly
   * always when there is much to do: these are waited for, in the order in which a batch locks them.
   */
  const locked = (instance: string, condition: Query<readonly object[]>) => {
    const own = sql`
      select publisher, partition from event_positions where owner = ${instance} and ${condition}`;
    return {
      ctes: sql`
        followed as (${own} and position is not null order by publisher, partition for no key update),
        rebuilt as (${own} and position is null for no key update skip locked)`,
      rows: sql`select * from followed union all select * from rebuilt`,
    };
  };

  return {
    async renew(instance, publishers) {
      const own = locked(
        instance,
        sql`publisher = any(${publishers}::text[]) and lease_until < now() + ${rowLease} / 2`,
      );
      await sql`
        with alive as (
          insert into event_members (instance, publisher, seen_at)
          select ${instance}, publisher, now() from unnest(${publishers}::text[]) as publisher
          on conflict (instance, publisher) do update set seen_at = excluded.seen_at
        ), gone as (
          delete from event_members where seen_at < now() - interval '1 hour' and instance <> ${instance}
        ), ${own.ctes}
        update event_positions set lease_until = now() + ${rowLease} where (publisher, partition) in (${own.rows})`;
    },

    async standings(instance, publishers) {
      return sql<Standing[]>`
        select p.publisher, p.partition, p.position is null as rebuild, p.owner is not distinct from ${instance} as mine,
               ${free} as free, m.members
        from event_positions p
        join (
          select publisher, count(*)::integer as members from event_members
          where seen_at > now() - ${lease} group by publisher
        ) m using (publisher)
        where p.publisher = any(${publishers}::text[])
        order by p.publisher, p.partition`;
    },

    async take(instance, publisher, limit) {
      return sql<Assignment[]>`
        update event_positions set owner = ${instance}, lease_until = now() + ${rowLease}
        where (publisher, partition) in (
          select publisher, partition from event_positions p
          where publisher = ${publisher} and ${free} and owner is distinct from ${instance}
          order by partition limit ${limit} for no key update skip locked
        )
        returning publisher, partition, position is null as rebuild`;
    },

    async release(instance, publisher, partitions) {
      const own = locked(
        instance,
        sql`publisher = ${publisher} and partition = any(${partitions}::smallint[])`,
      );
      const rows = await sql<{ partition: number }[]>`
        with ${own.ctes}
        update event_positions set owner = null, lease_until = '-infinity'
        where (publisher, partition) in (${own.rows}) returning partition`;
      return rows.map(({ partition }) => partition);
    },

    async leave(instance) {
      await sql`
        with gone as (delete from event_members where instance = ${instance})
        update event_positions set owner = null, lease_until = '-infinity' where owner = ${instance}`;
    },
  };
}
