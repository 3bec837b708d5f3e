import { type DomainError, fail, invalidField } from '../../platform/errors.ts';
import type { BranchName } from '../../platform/participant/branch.ts';
import { normaliseId } from './product.ts';

/** How many pieces there are of a product. */
export interface Stock {
  readonly productId: string;
  /** Can be ordered. */
  readonly available: bigint;
  /** Held back by orders that are being placed. */
  readonly held: bigint;
  readonly sold: bigint;
}

/** A number of pieces of one product. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

/** A branch that takes the lines, or gives them back. */
export interface LinesBranch extends BranchName {
  /** By product id; see {@link orderLines}. */
  readonly lines: readonly Line[];
}

/** A branch that gives lines back, or undoes a take of its transaction. */
export interface RestockBranch extends LinesBranch {
  /** The take's branch id; then there are no lines. */
  readonly undoes: string | undefined;
}

/** What became of one branch. */
export interface Outcome {
  readonly status: 'done' | 'refused' | 'conflict';
  /** Empty when done. */
  readonly reason: string;
  /** The product that the reason is about, or empty. */
  readonly subject: string;
}

/** The most pieces of one product that can be put in by hand. */
export const MAX_AVAILABLE = 1_000_000_000_000n;

/**
 * Lines in the one order in which they are compared and locked: by product id. Throws INVALID_ARGUMENT for `field` when
 * two are of one product (which the contract's own rule can't see where one id is in upper case).
 */
export function orderLines(lines: readonly Line[], field: string): Line[] {
  const ordered = lines
    .map(({ productId, quantity }) => ({ productId: normaliseId(productId), quantity }))
    .sort((a, b) => (a.productId < b.productId ? -1 : 1));
  if (ordered.some(({ productId }, index) => productId === ordered[index + 1]?.productId))
    throw invalidField(field, 'each line must be of another product');
  return ordered;
}

/** The outcome that a reason stands for: '' is done, BRANCH_… is a conflict, any other a refusal. */
export function toOutcome(reason: string, subject: string | null): Outcome {
  if (reason === '') return DONE;
  const status = reason.startsWith('BRANCH_') ? 'conflict' : 'refused';
  return { status, reason, subject: subject ?? '' };
}

const DONE: Outcome = { status: 'done', reason: '', subject: '' };

/** There are not as many pieces as are to be taken out. */
export function insufficientStock(productId: string): DomainError {
  return fail('FAILED_PRECONDITION', 'INSUFFICIENT_STOCK', 'There are not that many pieces to take out.', {
    metadata: { product_id: productId },
  });
}

/** There would be more pieces than {@link MAX_AVAILABLE}. */
export function stockLimitExceeded(productId: string): DomainError {
  return fail('FAILED_PRECONDITION', 'STOCK_LIMIT_EXCEEDED', 'There would be more than 10^12 pieces.', {
    metadata: { product_id: productId },
  });
}
