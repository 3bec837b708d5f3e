import type { Registry } from 'prom-client';
import type { Sql } from '../../platform/db/database.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { createTransactionMetrics } from '../../platform/transaction/metrics.ts';
import { createRuntime } from '../../platform/transaction/runtime.ts';
import { createSqlLog } from '../../platform/transaction/sql-log.ts';
import { createSqlRecords } from '../../platform/transaction/sql-records.ts';
import { createChangeFeed } from './change-feed.ts';
import type { Products } from './clients/products.ts';
import type { Stock } from './clients/stock.ts';
import type { Wallet } from './clients/wallet.ts';
import { createChangeStore } from './store/change-store.ts';
import { createOrderStore } from './store/order-store.ts';
import { createPlacementStore } from './store/placement-store.ts';
import { createCoordinator } from './transactions/coordinator.ts';

/** The services that orders depend on. */
export interface Peers {
  readonly products: Products;
  readonly stock: Stock;
  readonly wallet: Wallet;
}

/** All that one process of the service does, wired up. */
export type UseCases = ReturnType<typeof createUseCases>;

/** Wires the use cases to a database and to the peers. The transactions' metrics are declared in `registry`. */
export function createUseCases(sql: Sql, peers: Peers, log: Logger, registry: Registry) {
  const orders = createOrderStore(sql);
  const placements = createPlacementStore(sql);
  const changes = createChangeStore(sql);
  const transactions = createSqlRecords(sql);
  const observer = createTransactionMetrics(registry, transactions, log);
  const runtime = createRuntime(createSqlLog(sql), observer, log);
  const { recovery, ...cases } = createCoordinator({ ...peers, orders, placements, changes, runtime });

  const feed = createChangeFeed(changes);
  let recovering: Promise<void> | undefined;

  return {
    ...cases,
    orders,
    changes,
    transactions,
    feed,
    finishOpen: recovery.finishOpen,
    retryTransaction: recovery.retry,

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
