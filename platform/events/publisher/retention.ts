import type { Sql } from '../../db/database.ts';
import { repeat } from '../../lifecycle/repeat.ts';
import type { Logger } from '../../telemetry/log.ts';
import { PARTITIONS } from '../event.ts';
import { NOT_FOLLOWED } from './entry.ts';

const EVERY_MS = 60_000;
const BATCH = 1_000;

/** Removes old events from the log, about every minute until `stopping`. Each replica may do so. */
export function removeOldEventsRegularly(
  sql: Sql,
  retentionSeconds: number,
  logger: Pick<Logger, 'warn'>,
  stopping: AbortSignal,
): Promise<void> {
  return repeat(EVERY_MS, stopping, async () => {
    try {
      await removeOldEvents(sql, retentionSeconds, stopping);
    } catch (err) {
      if (!stopping.aborted) logger.warn({ err }, 'old events were not removed from the log');
    }
  });
}

/**
 * Removes the events that are older than this and that every registered consumer has acknowledged, from the log's start
 * on: an event that is kept keeps those behind it. Returns how many there were.
 */
export async function removeOldEvents(
  sql: Sql,
  retentionSeconds: number,
  stopping?: AbortSignal,
): Promise<number> {
  let all = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let removed = BATCH; removed === BATCH && !stopping?.aborted; all += removed) {
      removed = await removeBatch(sql, partition, retentionSeconds);
    }
  }
  return all;
}

function removeBatch(sql: Sql, partition: number, retentionSeconds: number): Promise<number> {
  return sql.begin(async (tx) => {
    // Whoever registers meanwhile waits, and then finds the log's new start; or was first, and is seen below.
    await tx`select from event_log_starts where partition = ${partition} for update`;
    const [cut] = await tx<[{ start: bigint; end: bigint | null }]>`
      with start as (
        select position from event_log_starts where partition = ${partition}
      ), batch as (
        select position, created_at > now() - ${retentionSeconds}::float8 * interval '1 second' as young
        from events
        where partition = ${partition} and position > (select position from start)
          and position <= coalesce(
            (select min(position) from event_consumers where partition = ${partition}), ${NOT_FOLLOWED}
          )
        order by position limit ${BATCH}
      )
      select (select position from start) as start, max(position) as end from batch
      where position < coalesce((select min(position) from batch where young), ${NOT_FOLLOWED})`;
    if (cut.end === null) return 0;
    await tx`update event_log_starts set position = ${cut.end} where partition = ${partition}`;
    const { count } = await tx`
      delete from events
      where partition = ${partition} and position > ${cut.start} and position <= ${cut.end}`;
    return count;
  });
}
