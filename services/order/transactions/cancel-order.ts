import { FIRST_EPOCH } from '../../../platform/transaction/log.ts';
import { runSaga, type Saga } from '../../../platform/transaction/run-saga.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import type { Stock } from '../clients/stock.ts';
import type { Wallet } from '../clients/wallet.ts';
import { type Order, requireChangeable } from '../domain/order.ts';
import type { ChangeStore } from '../store/change-store.ts';
import type { OrderStore } from '../store/order-store.ts';
import { readVisible, type Viewer } from './access.ts';
import type { SettlePlacement } from './settle-placement.ts';

/** How to cancel: an order in this version, and whether it is deleted with it. */
export interface Cancel {
  readonly version: bigint;
  readonly hide: boolean;
}

/** What CancelOrder works with. */
export interface CancelOrderParts {
  readonly stock: Stock;
  readonly wallet: Wallet;
  readonly orders: OrderStore;
  readonly changes: Pick<ChangeStore, 'tell'>;
  readonly settlePlacement: SettlePlacement;
  readonly runtime: Runtime;
}

/** Cancelling an order is a saga whose first step is the pivot: once it is cancelled, all of it goes back. */
export function cancelOrderSaga(parts: CancelOrderParts): Saga<Order, Cancel, Order> {
  const { stock, wallet, orders, changes, settlePlacement, runtime } = parts;
  return {
    kind: 'cancel-order',
    compensatable: [],
    async pivot({ id: transactionId, entityId: orderId }, { version, hide }) {
      const order = await orders.cancel({ transactionId, orderId, version, hide });
      if (order !== undefined) runtime.background.add(changes.tell(orderId));
      return order;
    },
    retriable: [
      { needed: () => true, run: ({ entityId }) => settlePlacement(entityId) },
      { needed: () => true, run: ({ id }, { lines }) => stock.restock(id, 'restock', lines) },
      {
        needed: ({ total }) => total > 0n,
        run: ({ id }, { userId, currency, total }) =>
          wallet.refund(id, 'refund', { userId, currency, amount: total }),
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
}

/** Cancels a placed order; one that is cancelled is returned as it is, and what it left open is finished. */
export function cancelOrderUseCase(
  { orders, runtime }: CancelOrderParts,
  saga: Saga<Order, Cancel, Order>,
  finishOpen: (orderId: string) => Promise<void>,
): (call: CancelOrder) => Promise<Order> {
  return async ({ viewer, orderId, etag }) => {
    // Each further round means that another change got in between.
    for (;;) {
      const order = await readVisible(orders, viewer, orderId);
      if (order.state === 'CANCELLED') {
        await finishOpen(order.id);
        return order;
      }
      requireChangeable(order, etag);
      const transaction = { id: runtime.newId(), entityId: order.id, epoch: FIRST_EPOCH };
      const cancel: Cancel = { version: order.version, hide: false };
      const ending = await runSaga(runtime, saga, transaction, order, cancel);
      if (ending.kind === 'committed') return ending.result;
    }
  };
}
