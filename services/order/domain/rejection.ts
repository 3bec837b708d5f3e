import { type DomainError, fail } from '../../../platform/errors.ts';
import { INTERRUPTED } from '../../../platform/transaction/outcome.ts';
import { productNotFound } from './lines.ts';

/** The reason of an order whose customer's account was deleted while it was being placed. */
export const USER_DELETED = 'USER_DELETED';

/** Why an order could not be placed or changed. */
export interface Rejection {
  /** Upper case, stable: INSUFFICIENT_STOCK, INSUFFICIENT_CREDIT, PRODUCT_NOT_FOUND, USER_DELETED, or INTERRUPTED. */
  readonly reason: string;
  /** The product that the reason is about. Empty: none. */
  readonly subject: string;
}

/** The error that tells a client of a rejection: the same now and at each repeat. */
export function rejectionError({ reason, subject }: Rejection, cause?: unknown): DomainError {
  switch (reason) {
    case 'PRODUCT_NOT_FOUND':
      return productNotFound([subject]);
    case 'INSUFFICIENT_STOCK':
      return fail('FAILED_PRECONDITION', reason, `There is not enough of product ${subject} in stock.`, {
        metadata: { product_id: subject },
      });
    case 'INSUFFICIENT_CREDIT':
      return fail('FAILED_PRECONDITION', reason, 'There is not enough credit in the wallet.');
    case USER_DELETED:
      return fail('FAILED_PRECONDITION', reason, 'The account was deleted. Nothing was taken.');
    // A service that was needed did not answer, or the process that placed the order died.
    case INTERRUPTED:
      return fail(
        'UNAVAILABLE',
        'ORDER_INTERRUPTED',
        'A service that is needed did not answer. Nothing was taken. Try again.',
        { retryAfterMs: 500, cause },
      );
    default:
      return fail('FAILED_PRECONDITION', reason, `The order was refused: ${reason}.`, {
        metadata: subject === '' ? {} : { product_id: subject },
      });
  }
}
