import type { Sql } from '../../platform/db/database.ts';

/** When failures block, and for how long. */
export interface ThrottlePolicy {
  /** The failure in a row, at least 2, from which each blocks the account. */
  readonly tolerated: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** After this time without an attempt the count starts anew. */
  readonly forgetAfterMs: number;
}

/** Counts an attempt as failed; see claim_login_attempt. Returns how long to wait, in milliseconds, where it may not be. */
export async function claimAttempt(
  sql: Sql,
  account: Buffer,
  policy: ThrottlePolicy,
): Promise<number | undefined> {
  const [row] = await sql<{ waitMs: number | null }[]>`
    SELECT ceil(extract(epoch FROM claim_login_attempt(
      ${account}, ${policy.tolerated},
      ${policy.firstDelayMs}::float8 * interval '1 ms',
      ${policy.longestDelayMs}::float8 * interval '1 ms',
      ${policy.forgetAfterMs}::float8 * interval '1 ms'
    )) * 1000)::integer AS "waitMs"`;
  return row?.waitMs ?? undefined;
}

/** Takes back a claim whose password was not looked at. */
export async function releaseAttempt(sql: Sql, account: Buffer): Promise<void> {
  await sql`SELECT release_login_attempt(${account})`;
}

/** Deletes up to `limit` counts that no longer matter. Returns how many. */
export async function deleteForgottenFailures(
  sql: Sql,
  policy: ThrottlePolicy,
  limit: number,
): Promise<number> {
  const { count } = await sql`
    DELETE FROM login_failures WHERE account IN (
      SELECT account FROM login_failures
      WHERE last_attempt_at < now() - ${policy.forgetAfterMs}::float8 * interval '1 ms' AND blocked_until < now()
      LIMIT ${limit} FOR UPDATE SKIP LOCKED
    )`;
  return count;
}
