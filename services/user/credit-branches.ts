import type { BranchName } from '../../platform/participant/branch.ts';

/** A branch that takes credit. */
export interface CreditBranch extends BranchName {
  readonly userId: string;
  /** ISO 4217. */
  readonly currency: string;
  /** Minor units. */
  readonly amount: bigint;
}

/** A branch that gives an amount back, or undoes the charge `undoes` of its transaction. */
export type RefundBranch =
  | (CreditBranch & { readonly undoes?: undefined })
  | (BranchName & { readonly undoes: string });

/** What became of a branch. */
export interface BranchOutcome {
  readonly status: 'DONE' | 'REFUSED' | 'CONFLICT';
  /** WALLET_NOT_FOUND, INSUFFICIENT_CREDIT, or BRANCH_…; empty when DONE. */
  readonly reason: string;
}

/** The outcome that a reason stands for; '' for DONE. */
export function outcomeOf(reason: string): BranchOutcome {
  if (reason === '') return { status: 'DONE', reason };
  return { status: reason.startsWith('BRANCH_') ? 'CONFLICT' : 'REFUSED', reason };
}
