import type { Sql } from '../db/database.ts';
import type { BranchName } from './branch.ts';

/** How long a finished branch is kept, so that a repeated call is answered as the first was. In days. */
const KEPT_DAYS = 30;
/** Longest time, in seconds, between two questions about one try. */
const LONGEST_WAIT_S = 60;

/**
 * Finds tries that have been HELD for longer than `timeoutS`, and keeps them from being found again, by whichever
 * replica, for a time that grows with their age. It holds no lock while the coordinator is asked, and waits for none.
 * The service's migration has, beside the columns of its barrier:
 *
 * ```sql
 * create table branches (
 *   transaction_id uuid not null,
 *   branch_id text not null,
 *   state text not null,
 *   created_at timestamptz not null default now(),
 *   waiting_since timestamptz not null default now(),
 *   primary key (transaction_id, branch_id)
 * );
 * create index branches_hanging on branches (waiting_since) where (case state when 'HELD' then true end);
 * ```
 */
export function claimHangingTries(sql: Sql, timeoutS: number, limit: number): Promise<BranchName[]> {
  const timeout = sql`${timeoutS}::integer * interval '1 second'`;
  return sql<BranchName[]>`
    update branches b set waiting_since = now() - ${timeout}
      + least((now() - b.created_at) / 2, ${LONGEST_WAIT_S}::integer * interval '1 second') * (0.75 + random() / 2)
    from (
      select transaction_id, branch_id from branches
      where (case state when 'HELD' then true end) and waiting_since < now() - ${timeout}
      order by waiting_since limit ${limit} for update skip locked
    ) hanging
    where b.transaction_id = hanging.transaction_id and b.branch_id = hanging.branch_id
    returning b.transaction_id as "transactionId", b.branch_id as "branchId"`;
}

/**
 * Deletes up to `limit` branches that were finished {@link KEPT_DAYS} days ago at the least, and tells how many. HELD
 * ones stay.
 *
 * To a repeated call the branch is new after that: a restock would be made twice, a confirm be a conflict. So the bound
 * is how long a coordinator may be away with transactions open and then go on. As long as it runs, its repeats end with
 * the transaction, after seconds or, when a participant is down, with that.
 *
 * They are found by the primary key, without an index of their own: a coordinator's ids are UUIDs of version 7, which
 * begin with their time. Of other ids, most are never found, and stay.
 */
export async function deleteFinishedBranches(sql: Sql, limit: number): Promise<number> {
  const before = sql`now() - ${KEPT_DAYS}::integer * interval '1 day'`;
  // Waits for nobody, so it is outside of the order of locks that the branch functions keep.
  const { count } = await sql`
    delete from branches b using (
      select transaction_id, branch_id from branches
      where transaction_id
          < rpad(lpad(to_hex((extract(epoch from ${before}) * 1000)::bigint), 12, '0'), 32, '0')::uuid
        and created_at < ${before} and state <> 'HELD'
      order by transaction_id, branch_id limit ${limit} for update skip locked
    ) finished
    where b.transaction_id = finished.transaction_id and b.branch_id = finished.branch_id`;
  return count;
}
