import { fail } from '../errors.ts';

/** Names one part of one transaction. */
export interface BranchName {
  /** UUID. */
  readonly transactionId: string;
  readonly branchId: string;
}

/**
 * Throws UNAVAILABLE unless there is an outcome for each branch: of an old branch whose row was cleaned up while the
 * call ran there is none, and those after it would be taken for others'. The call may be repeated.
 */
export function checkComplete(
  branches: readonly unknown[],
  outcomes: readonly { readonly reason: string | null }[],
): void {
  if (outcomes.length !== branches.length || outcomes.some(({ reason }) => reason === null))
    throw fail(
      'UNAVAILABLE',
      'BRANCH_REMOVED',
      'A branch was cleaned up while it was called. Repeat the call.',
    );
}
