import { FIRST_EPOCH } from '../../../platform/transaction/log.ts';
import { INTERRUPTED } from '../../../platform/transaction/outcome.ts';
import { runSaga, type Saga } from '../../../platform/transaction/run-saga.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import type { Products } from '../clients/products.ts';
import type { Stock } from '../clients/stock.ts';
import type { Wallet } from '../clients/wallet.ts';
import { type Difference, difference } from '../domain/difference.ts';
import { type Basket, normalizeWanted, priceLines, type Wanted } from '../domain/lines.ts';
import { type Order, requireChangeable, sameLines } from '../domain/order.ts';
import { rejectionError } from '../domain/rejection.ts';
import type { OrderStore } from '../store/order-store.ts';
import { readVisible, type Viewer } from './access.ts';
import type { Announce } from './announce.ts';
import type { SettlePlacement } from './settle-placement.ts';

/** What a change of lines moves, and whose. */
export interface UpdateInput extends Difference {
  readonly userId: string;
  readonly currency: string;
}

/** The change itself: which version it replaces, by what. */
export interface LineChange {
  readonly version: bigint;
  readonly basket: Basket;
}

/** What UpdateOrder works with. */
export interface UpdateOrderParts {
  readonly products: Products;
  readonly stock: Stock;
  readonly wallet: Wallet;
  readonly orders: OrderStore;
  readonly announce: Announce;
  readonly settlePlacement: SettlePlacement;
  readonly runtime: Runtime;
}

/** Changing an order's lines is a saga: take what is needed on top, change the order, give back what is too much. */
export function updateOrderSaga(
  parts: Omit<UpdateOrderParts, 'products'>,
): Saga<UpdateInput, LineChange, Order> {
  const { stock, wallet, orders, announce, settlePlacement } = parts;
  return {
    kind: 'update-order',
    compensatable: [
      {
        name: 'take stock',
        needed: ({ take }) => take.length > 0,
        run: (transaction, { take }) => stock.take(transaction, 'take', take),
        undo: (transaction) => stock.untake(transaction, 'untake', 'take'),
      },
      {
        name: 'charge',
        needed: ({ charge }) => charge > 0n,
        run: (transaction, { userId, currency, charge }) =>
          wallet.charge(transaction, 'charge', { userId, currency, amount: charge }),
        undo: (transaction) => wallet.uncharge(transaction, 'uncharge', 'charge'),
      },
    ],
    async pivot(transaction, change, input) {
      const order = await orders.replaceLines(transaction, { ...change, userId: input.userId, moved: input });
      if (order !== undefined) announce(order.id);
      return order;
    },
    retriable: [
      {
        name: 'settle placement',
        needed: ({ giveBack, refund }) => giveBack.length > 0 || refund > 0n,
        run: settlePlacement,
      },
      {
        name: 'restock',
        needed: ({ giveBack }) => giveBack.length > 0,
        run: (transaction, { giveBack }) => stock.restock(transaction, 'restock', giveBack),
      },
      {
        name: 'refund',
        needed: ({ refund }) => refund > 0n,
        run: (transaction, { userId, currency, refund }) =>
          wallet.refund(transaction, 'refund', { userId, currency, amount: refund }),
      },
    ],
  };
}

/** A call of UpdateOrder. */
export interface UpdateOrder {
  readonly viewer: Viewer;
  readonly orderId: string;
  readonly etag: string;
  readonly lines: readonly Wanted[];
  /** W3C trace context of the call. Empty: unknown. */
  readonly traceparent: string;
}

/**
 * Replaces a placed order's lines. Products that stay keep name and unit price; others get today's. Of concurrent
 * changes of one order one wins, the others' steps are undone and they get ABORTED.
 */
export function updateOrderUseCase(
  parts: UpdateOrderParts,
  saga: Saga<UpdateInput, LineChange, Order>,
): (call: UpdateOrder) => Promise<Order> {
  const { products, orders, runtime } = parts;
  return async ({ viewer, orderId, etag, lines, traceparent }) => {
    const wanted = normalizeWanted(lines);
    const order = await readVisible(orders, viewer, orderId);
    requireChangeable(order, etag);
    const known = new Set(order.lines.map(({ productId }) => productId));
    const added = wanted.map(({ productId }) => productId).filter((id) => !known.has(id));
    const basket = priceLines(wanted, await products.offers(added), order);
    if (sameLines(order, basket)) return order;

    const { userId, currency, version } = order;
    const input: UpdateInput = { ...difference(order, basket), userId, currency };
    const transaction = { id: runtime.newId(), entityId: order.id, epoch: FIRST_EPOCH, traceparent };
    await runtime.transactions.start({ ...transaction, kind: saga.kind, input: toJson(input) });
    const ending = await runSaga(runtime, saga, transaction, input, { version, basket });
    if (ending.kind === 'committed') return ending.result;
    if (ending.kind === 'rolled-back') throw rejectionError(ending.failure, ending.failure.cause);
    // Another change got in between (read it to say which), or this process was so slow that it was given up.
    requireChangeable(await readVisible(orders, viewer, orderId), etag);
    throw rejectionError({ reason: INTERRUPTED, subject: '' });
  };
}

/** The input as JSON. */
export const toJson = ({ charge, refund, ...rest }: UpdateInput) => ({
  ...rest,
  charge: String(charge),
  refund: String(refund),
});

/** The input that {@link toJson} made into `json`. */
export function fromJson(json: unknown): UpdateInput {
  const { charge, refund, ...rest } = json as ReturnType<typeof toJson>;
  return { ...rest, charge: BigInt(charge), refund: BigInt(refund) };
}
