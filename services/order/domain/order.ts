import { type DomainError, fail } from '../../../platform/errors.ts';
import { checkEtag } from '../../../platform/paging/etag.ts';
import type { Basket } from './lines.ts';

/** Where an order stands. */
export type OrderState = 'PENDING' | 'PLACED' | 'REJECTED' | 'CANCELLED';

/** What a person bought, or tried to. */
export interface Order extends Basket {
  readonly id: string;
  readonly userId: string;
  readonly state: OrderState;
  /** Upper case, stable. Empty unless rejected. */
  readonly rejectReason: string;
  /** Counts the changes, from 1. */
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An order, with what those in it are called now, as far as it is known here. */
export interface OrderView extends Order {
  /** Empty: not known, or the account was deleted. */
  readonly customerName: string;
  /** For each line. Empty: not known, or no longer in the catalogue. */
  readonly productNames: readonly string[];
}

/** One version of an order, as its watchers see it. */
export interface OrderChange {
  readonly orderId: string;
  readonly version: bigint;
  readonly state: OrderState;
  readonly currency: string;
  readonly total: bigint;
  readonly changedAt: Date;
}

/** The version that placing or rejecting makes of a pending order: what a repeated CreateOrder answers with. */
export const DECIDED_VERSION = 2n;

const SUCCESSORS: Readonly<Record<OrderState, readonly OrderState[]>> = {
  PENDING: ['PLACED', 'REJECTED'],
  PLACED: ['PLACED', 'CANCELLED'],
  REJECTED: [],
  CANCELLED: [],
};

/** Whether nothing can follow the state. */
export const isFinal = (state: OrderState): boolean => SUCCESSORS[state].length === 0;

/**
 * The order in its next version. An illegal step throws FAILED_PRECONDITION ORDER_NOT_PLACED: the only state from
 * which a client may move an order is PLACED.
 */
export function advance(
  order: Order,
  state: OrderState,
  at: Date,
  changes: Partial<Pick<Order, 'lines' | 'total' | 'rejectReason'>> = {},
): Order {
  if (!SUCCESSORS[order.state].includes(state)) throw notPlaced(order.state);
  return { ...order, ...changes, state, version: order.version + 1n, updatedAt: at };
}

/**
 * Throws unless a client that read the order with `etag` (empty: whichever) may change it: FAILED_PRECONDITION
 * ORDER_NOT_PLACED, or ABORTED ETAG_STALE.
 */
export function requireChangeable(order: Order, etag: string): void {
  if (order.state !== 'PLACED') throw notPlaced(order.state);
  checkEtag(etag, order.version);
}

/** Whether two baskets hold the same lines in the same sequence. */
export function sameLines(a: Basket, b: Basket): boolean {
  return (
    a.lines.length === b.lines.length &&
    a.lines.every((line, index) => {
      const other = b.lines[index];
      return line.productId === other?.productId && line.quantity === other.quantity;
    })
  );
}

/** NOT_FOUND ORDER_NOT_FOUND: there is none, it was deleted, or it is another's. */
export const orderNotFound = (): DomainError =>
  fail('NOT_FOUND', 'ORDER_NOT_FOUND', 'There is no such order.');

function notPlaced(state: OrderState): DomainError {
  const why: Record<OrderState, string> = {
    PENDING: 'is still being placed',
    PLACED: 'is placed',
    REJECTED: 'was rejected',
    CANCELLED: 'was cancelled',
  };
  return fail('FAILED_PRECONDITION', 'ORDER_NOT_PLACED', `The order ${why[state]}.`, { metadata: { state } });
}
