import type { Sql } from '../../platform/db/database.ts';
import { deleteOldRequests } from '../../platform/db/requests.ts';
import { repeat } from '../../platform/lifecycle/repeat.ts';
import { deleteFinishedBranches } from '../../platform/participant/branch-store.ts';
import type { Logger } from '../../platform/telemetry/log.ts';

const SWEEP_EVERY_MS = 60_000;
/** Rows of a table deleted at once: small transactions, which hold no lock for long. */
const SWEEP_LIMIT = 1_000;

/** Deletes what has expired, at most SWEEP_LIMIT rows of each kind. Returns whether there may be more. */
export async function sweep(sql: Sql): Promise<boolean> {
  const counts = [await deleteOldRequests(sql, SWEEP_LIMIT), await deleteFinishedBranches(sql, SWEEP_LIMIT)];
  return counts.some((count) => count >= SWEEP_LIMIT);
}

/** Sweeps until `stopping`. A failure is logged, and made good the next time. */
export function keepHouse(sql: Sql, log: Logger, stopping: AbortSignal): Promise<void> {
  return repeat(SWEEP_EVERY_MS, stopping, async () => {
    try {
      while (!stopping.aborted && (await sweep(sql)));
    } catch (err) {
      log.warn({ err }, 'housekeeping failed');
    }
  });
}
