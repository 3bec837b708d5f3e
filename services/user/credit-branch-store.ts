import type { Sql } from '../../platform/db/database.ts';
import { type BranchName, checkComplete } from '../../platform/participant/branch.ts';
import { type BranchOutcome, type CreditBranch, outcomeOf, type RefundBranch } from './credit-branches.ts';

// One statement and one commit for all branches of a call. The rules, the barrier and the order of locks are in the
// database's functions (migrations/007-credit-branches.sql). Outcomes come in the order of the branches.

type Rows = PromiseLike<readonly { readonly reason: string }[]>;

async function outcomes(branches: readonly BranchName[], pending: Rows): Promise<BranchOutcome[]> {
  const rows = await pending;
  checkComplete(branches, rows);
  return rows.map(({ reason }) => outcomeOf(reason));
}

const transactions = (branches: readonly BranchName[]) => branches.map(({ transactionId }) => transactionId);
const names = (branches: readonly BranchName[]) => branches.map(({ branchId }) => branchId);

/** TCC's try (`hold`), or the Saga's step (`charge`). */
export function takeCredit(
  sql: Sql,
  kind: 'hold' | 'charge',
  branches: readonly CreditBranch[],
): Promise<BranchOutcome[]> {
  return outcomes(
    branches,
    sql<{ reason: string }[]>`
    SELECT * FROM take_credit(
      ${kind}, ${transactions(branches)}::uuid[], ${names(branches)}::text[],
      ${branches.map(({ userId }) => userId)}::uuid[], ${branches.map(({ currency }) => currency)}::text[],
      ${branches.map(({ amount }) => String(amount))}::bigint[]
    ) AS reason`,
  );
}

/** TCC's confirm. */
export function confirmHolds(sql: Sql, branches: readonly BranchName[]): Promise<BranchOutcome[]> {
  return outcomes(
    branches,
    sql<{ reason: string }[]>`
    SELECT * FROM confirm_holds(${transactions(branches)}::uuid[], ${names(branches)}::text[]) AS reason`,
  );
}

/** TCC's cancel. */
export function cancelHolds(sql: Sql, branches: readonly BranchName[]): Promise<BranchOutcome[]> {
  return outcomes(
    branches,
    sql<{ reason: string }[]>`
    SELECT * FROM cancel_holds(${transactions(branches)}::uuid[], ${names(branches)}::text[]) AS reason`,
  );
}

/** The Saga's compensation. */
export function refundCredit(sql: Sql, branches: readonly RefundBranch[]): Promise<BranchOutcome[]> {
  const bodies = branches.map((branch) =>
    branch.undoes === undefined
      ? { ...branch, undoes: null }
      : { ...branch, userId: null, currency: null, amount: null },
  );
  return outcomes(
    branches,
    sql<{ reason: string }[]>`
    SELECT * FROM refund_credit(
      ${transactions(branches)}::uuid[], ${names(branches)}::text[],
      ${bodies.map(({ userId }) => userId)}::uuid[], ${bodies.map(({ currency }) => currency)}::text[],
      ${bodies.map(({ amount }) => (amount === null ? null : String(amount)))}::bigint[],
      ${bodies.map(({ undoes }) => undoes)}::text[]
    ) AS reason`,
  );
}
