import { createRecovery } from '../../../platform/transaction/recovery.ts';
import { resumeSaga } from '../../../platform/transaction/run-saga.ts';
import { resumeTcc } from '../../../platform/transaction/run-tcc.ts';
import type { Runtime } from '../../../platform/transaction/runtime.ts';
import type { Products } from '../clients/products.ts';
import type { Stock } from '../clients/stock.ts';
import type { Wallet } from '../clients/wallet.ts';
import { orderNotFound } from '../domain/order.ts';
import type { OrderStore } from '../store/order-store.ts';
import type { PlacementStore } from '../store/placement-store.ts';
import type { Announce } from './announce.ts';
import { cancelOrderSaga, cancelOrderUseCase } from './cancel-order.ts';
import { createOrderTcc, createOrderUseCase } from './create-order.ts';
import { deleteOrderUseCase } from './delete-order.ts';
import { settlePlacementStep } from './settle-placement.ts';
import { fromJson, updateOrderSaga, updateOrderUseCase } from './update-order.ts';

/** All that changing orders touches. */
export interface CoordinatorParts {
  readonly products: Products;
  readonly stock: Stock;
  readonly wallet: Wallet;
  readonly orders: OrderStore;
  readonly placements: PlacementStore;
  readonly announce: Announce;
  readonly runtime: Runtime;
}

/** The changes of orders, and their recovery. */
export type Coordinator = ReturnType<typeof createCoordinator>;

/** Wires the three kinds of transactions to stores and participants. */
export function createCoordinator(parts: CoordinatorParts) {
  const { orders, runtime } = parts;
  const create = createOrderTcc(parts);
  const withPlacement = { ...parts, settlePlacement: settlePlacementStep(runtime.transactions, create) };
  const update = updateOrderSaga(withPlacement);
  const cancel = cancelOrderSaga(withPlacement);
  const recovery = createRecovery(runtime, {
    [create.kind]: (open) => resumeTcc(runtime, create, open),
    [update.kind]: (open) => resumeSaga(runtime, update, open, fromJson(open.input)),
    [cancel.kind]: async (open) => {
      // A cancelled order doesn't change any more, so it is its own record of what goes back.
      const stored = await orders.get(open.entityId);
      if (stored === undefined) throw orderNotFound();
      await resumeSaga(runtime, cancel, open, stored.order);
    },
  });
  return {
    recovery,
    createOrder: createOrderUseCase(parts, create),
    updateOrder: updateOrderUseCase(withPlacement, update),
    cancelOrder: cancelOrderUseCase(withPlacement, cancel, recovery.finishOpen),
    deleteOrder: deleteOrderUseCase(parts, cancel),
  };
}
