import type { Sql } from '../../db/database.ts';

/** Under which name the relay follows its service's log. */
export const RELAY = 'nats';

/** Where a relay may begin, in one partition. */
export interface RelayStart {
  readonly partition: number;
  /** Up to where all of it was relayed before, or is known to whoever needs it. A position of the partition, or 0. */
  readonly acknowledged: bigint;
  /** The last position that was removed from the log; 0 if none was. */
  readonly first: bigint;
  /** The last position that the partition's log has or had; 0 if it never had any. */
  readonly last: bigint;
}

/**
 * What the log knows of where to begin: after what the relay has acknowledged. One that was never here begins after
 * what every consumer has acknowledged: nobody needs what comes before.
 */
export function relayStarts(sql: Sql): Promise<RelayStart[]> {
  return sql<RelayStart[]>`
    with known as (
      select partition, max(position) filter (where consumer = ${RELAY}) as relayed,
             min(position) filter (where consumer <> ${RELAY}) as needed
      from event_consumers group by partition
    )
    select s.partition, s.position as first,
           greatest(s.position, (
             select max(position) from events e
             where e.partition = s.partition and e.position <= coalesce(k.relayed, k.needed)
           )) as acknowledged,
           greatest(s.position, (
             select max(position) from events e where e.partition = s.partition
           )) as last
    from event_log_starts s left join known k using (partition)
    order by s.partition`;
}

/** Forgets the relay, so that the log is cleaned up without waiting for it. It begins anew if it comes back. */
export async function forgetRelay(sql: Sql): Promise<void> {
  await sql`delete from event_consumers where consumer = ${RELAY}`;
}
