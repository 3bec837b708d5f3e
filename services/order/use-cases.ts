import type { Sql } from '../../platform/db/database.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { createChangeFeed } from './change-feed.ts';
import type { Products } from './clients/products.ts';
import type { Stock } from './clients/stock.ts';
import type { Wallet } from './clients/wallet.ts';
import { orderNotFound } from './domain/order.ts';
import { createChangeStore } from './store/change-store.ts';
import { createOrderStore } from './store/order-store.ts';
import { createPlacementStore } from './store/placement-store.ts';
import { createTransactionStore } from './store/transaction-store.ts';
import { createBackground } from './transactions/background.ts';
import { cancelOrderSaga, cancelOrderUseCase } from './transactions/cancel-order.ts';
import { createOrderTcc, createOrderUseCase } from './transactions/create-order.ts';
import { deleteOrderUseCase } from './transactions/delete-order.ts';
import { createRecovery } from './transactions/recovery.ts';
import { resumeSaga } from './transactions/run-saga.ts';
import { resumeTcc } from './transactions/run-tcc.ts';
import { settlePlacementStep } from './transactions/settle-placement.ts';
import type { Runtime } from './transactions/steps.ts';
import { fromJson, updateOrderSaga, updateOrderUseCase } from './transactions/update-order.ts';

/** The services that orders depend on. */
export interface Peers {
  readonly products: Products;
  readonly stock: Stock;
  readonly wallet: Wallet;
}

/** All that one process of the service does, wired up. */
export type UseCases = ReturnType<typeof createUseCases>;

/** Wires the use cases to a database and to the peers. */
export function createUseCases(sql: Sql, peers: Peers, log: Logger) {
  const orders = createOrderStore(sql);
  const placements = createPlacementStore(sql);
  const changes = createChangeStore(sql);
  const transactions = createTransactionStore(sql);
  const runtime: Runtime = { transactions, background: createBackground(log), log };

  const tcc = createOrderTcc({ ...peers, placements, changes, runtime });
  const settlePlacement = settlePlacementStep(transactions, tcc);
  const parts = { ...peers, orders, placements, changes, settlePlacement, runtime };
  const update = updateOrderSaga(parts);
  const cancel = cancelOrderSaga(parts);
  const recovery = createRecovery(runtime, {
    [tcc.kind]: (open) => resumeTcc(runtime, tcc, open),
    [update.kind]: (open) => resumeSaga(runtime, update, open, fromJson(open.input)),
    [cancel.kind]: async (open) => {
      // A cancelled order doesn't change any more, so it is its own record of what goes back.
      const stored = await orders.get(open.orderId);
      if (stored === undefined) throw orderNotFound();
      await resumeSaga(runtime, cancel, open, stored.order);
    },
  });

  const feed = createChangeFeed(changes);
  let recovering: Promise<void> | undefined;

  return {
    orders,
    changes,
    transactions,
    feed,
    createOrder: createOrderUseCase(parts, tcc),
    updateOrder: updateOrderUseCase(parts, update),
    cancelOrder: cancelOrderUseCase(parts, cancel, recovery.finishOpen),
    deleteOrder: deleteOrderUseCase(parts, cancel),
    finishOpen: recovery.finishOpen,

    /** Listens for changes, and finishes what others left open, until `stopping`. */
    start(stopping: AbortSignal): void {
      feed.start();
      recovering = recovery.run(stopping);
    },
    /** Waits for what calls have left running, once there are no more calls. */
    async drain(): Promise<void> {
      await recovering;
      await runtime.background.idle();
    },
    stop: (): Promise<void> => feed.stop(),
  };
}
