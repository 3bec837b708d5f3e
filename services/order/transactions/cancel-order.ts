import { FIRST_EPOCH } from '../../../platform/transaction/log.ts';
import { runSaga, type Saga } from '../../../platform/transaction/run-saga.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import type { Stock } from '../clients/stock.ts';
import type { Wallet } from '../clients/wallet.ts';
import { type Order, requireChangeable } from '../domain/order.ts';
import type { OrderStore } from '../store/order-store.ts';
import { readVisible, type Viewer } from './access.ts';
import type { Announce } from './announce.ts';
import type { SettlePlacement } from './settle-placement.ts';

/** How to cancel. */
export interface Cancel {
  /** Whether the order is deleted with it. */
  readonly hide: boolean;
}

/** What CancelOrder works with. */
export interface CancelOrderParts {
  readonly stock: Stock;
  readonly wallet: Wallet;
  readonly orders: OrderStore;
  readonly announce: Announce;
  readonly settlePlacement: SettlePlacement;
  readonly runtime: Runtime;
}

/**
 * Cancelling an order is a saga whose first step is the pivot: once it is cancelled, all of it goes back. It is
 * cancelled in the version that is given, or not at all.
 */
export function cancelOrderSaga(parts: CancelOrderParts): Saga<Order, Cancel, Order> {
  const { stock, wallet, orders, announce, settlePlacement } = parts;
  return {
    kind: 'cancel-order',
    compensatable: [],
    async pivot(transaction, { hide }, placed) {
      const order = await orders.cancel(transaction, placed, hide);
      if (order !== undefined) announce(order.id);
      return order;
    },
    retriable: [
      { name: 'settle placement', needed: () => true, run: settlePlacement },
      {
        name: 'restock',
        needed: () => true,
        run: (transaction, { lines }) => stock.restock(transaction, 'restock', lines),
      },
      {
        name: 'refund',
        needed: ({ total }) => total > 0n,
        run: (transaction, { userId, currency, total }) =>
          wallet.refund(transaction, 'refund', { userId, currency, amount: total }),
      },
    ],
  };
}

/** A call of CancelOrder. */
export interface CancelOrder {
  readonly viewer: Viewer;
  readonly orderId: string;
  /** Empty: whatever version it is in. */
  readonly etag: string;
  /** W3C trace context of the call. Empty: unknown. */
  readonly traceparent: string;
}

/** Cancels a placed order; one that is cancelled is returned as it is, and what it left open is finished. */
export function cancelOrderUseCase(
  { orders, runtime }: CancelOrderParts,
  saga: Saga<Order, Cancel, Order>,
  finishOpen: (orderId: string) => Promise<void>,
): (call: CancelOrder) => Promise<Order> {
  return async ({ viewer, orderId, etag, traceparent }) => {
    // Each further round means that another change got in between.
    for (;;) {
      const order = await readVisible(orders, viewer, orderId);
      if (order.state === 'CANCELLED') {
        await finishOpen(order.id);
        return order;
      }
      requireChangeable(order, etag);
      const transaction = { id: runtime.newId(), entityId: order.id, epoch: FIRST_EPOCH, traceparent };
      const ending = await runSaga(runtime, saga, transaction, order, { hide: false });
      if (ending.kind === 'committed') return ending.result;
    }
  };
}
