import { FIRST_EPOCH } from '../../../platform/transaction/log.ts';
import { runSaga, type Saga } from '../../../platform/transaction/run-saga.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import { isFinal, type Order, requireChangeable } from '../domain/order.ts';
import type { OrderStore } from '../store/order-store.ts';
import { readOwned, type Viewer } from './access.ts';
import type { Cancel } from './cancel-order.ts';

/** Deletes an order. A placed one is cancelled in the same commit, so it is never gone and yet paid. */
export function deleteOrderUseCase(
  { orders, runtime }: { readonly orders: OrderStore; readonly runtime: Runtime },
  saga: Saga<Order, Cancel, Order>,
): (call: { viewer: Viewer; orderId: string; traceparent: string }) => Promise<void> {
  return async ({ viewer, orderId, traceparent }) => {
    // Each further round means that another change got in between.
    for (;;) {
      const { order, deleted } = await readOwned(orders, viewer, orderId);
      if (deleted) return;
      if (isFinal(order.state)) return orders.hide(order.id);
      requireChangeable(order, '');
      const transaction = { id: runtime.newId(), entityId: order.id, epoch: FIRST_EPOCH, traceparent };
      const ending = await runSaga(runtime, saga, transaction, order, { hide: true });
      if (ending.kind === 'committed') return;
    }
  };
}
