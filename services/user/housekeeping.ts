import type { Sql } from '../../platform/db/database.ts';
import { deleteOldRequests } from '../../platform/db/requests.ts';
import { repeat } from '../../platform/lifecycle/repeat.ts';
import { deleteFinishedBranches } from '../../platform/participant/branch-store.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { LOGIN_THROTTLE } from './login-throttle.ts';
import { deleteForgottenFailures } from './login-throttle-store.ts';
import { deleteExpiredSessions } from './session-store.ts';
import type { SigningKeys } from './signing-keys.ts';

const SWEEP_EVERY_MS = 60_000;
/** Rows of a table deleted at once: small transactions, which hold no lock for long. */
const SWEEP_LIMIT = 1_000;

/** Deletes what has expired, at most SWEEP_LIMIT rows of each kind. Returns whether there may be more. */
export async function sweep(sql: Sql): Promise<boolean> {
  const counts = [
    await deleteOldRequests(sql, SWEEP_LIMIT),
    await deleteFinishedBranches(sql, SWEEP_LIMIT),
    await deleteForgottenFailures(sql, LOGIN_THROTTLE, SWEEP_LIMIT),
    await deleteExpiredSessions(sql, SWEEP_LIMIT),
  ];
  return counts.some((count) => count >= SWEEP_LIMIT);
}

/** Sweeps, and maintains the signing keys, until `stopping`. A failure is logged, and made good the next time. */
export function keepHouse(sql: Sql, keys: SigningKeys, log: Logger, stopping: AbortSignal): void {
  const regularly = (everyMs: number, work: () => Promise<void>) =>
    void repeat(everyMs, stopping, () => work().catch((err) => log.warn({ err }, 'housekeeping failed')));
  regularly(keys.maintainEveryMs, () => keys.maintain());
  regularly(SWEEP_EVERY_MS, async () => {
    while (await sweep(sql)) if (stopping.aborted) return;
  });
}
