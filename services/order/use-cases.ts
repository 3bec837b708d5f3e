import type { Registry } from 'prom-client';
import { createConvoy } from '../../platform/batch/convoy.ts';
import type { Sql } from '../../platform/db/database.ts';
import { createEvents, type EventsOptions } from '../../platform/events/events.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { createTransactionMetrics } from '../../platform/transaction/metrics.ts';
import { createRuntime } from '../../platform/transaction/runtime.ts';
import { createSqlLog } from '../../platform/transaction/sql-log.ts';
import { createSqlRecords } from '../../platform/transaction/sql-records.ts';
import { createChangeFeed } from './change-feed.ts';
import type { DisplayNames } from './clients/display-names.ts';
import type { Products } from './clients/products.ts';
import type { Stock } from './clients/stock.ts';
import type { Wallet } from './clients/wallet.ts';
import { createChangeStore } from './store/change-store.ts';
import { createOrderStore } from './store/order-store.ts';
import { createOrderViews } from './store/order-view-store.ts';
import { createPlacementStore } from './store/placement-store.ts';
import { snapshotOrders } from './store/snapshot-store.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createCoordinator } from './transactions/coordinator.ts';

/** The services that orders depend on. */
export interface Peers {
  readonly products: Products;
  readonly stock: Stock;
  readonly wallet: Wallet;
  readonly displayNames: DisplayNames;
  /** Where `user` and `product` publish. */
  readonly eventSources: NonNullable<EventsOptions['sources']>;
}

/** What one process needs to know of itself. */
export interface ProcessConfig {
  readonly INSTANCE: string;
  readonly EVENT_RETENTION_S: number;
  readonly EVENTS_URL: string;
}

/** All that one process of the service does, wired up. */
export type UseCases = ReturnType<typeof createUseCases>;

/** Wires the use cases to a database and to the peers. Metrics are declared in `registry`. */
export function createUseCases(
  sql: Sql,
  peers: Peers,
  { INSTANCE: instance, EVENT_RETENTION_S: retentionSeconds, EVENTS_URL: broker }: ProcessConfig,
  log: Logger,
  registry: Registry,
) {
  const orders = createOrderStore(sql);
  const placements = createPlacementStore(sql);
  const changes = createChangeStore(sql);
  const transactions = createSqlRecords(sql);
  const observer = createTransactionMetrics(registry, transactions, log);
  const runtime = createRuntime(createSqlLog(sql), observer, log);
  const announce = (orderId: string): void => {
    runtime.background.add(changes.tell(orderId));
    events.wake();
  };
  const { recovery, ...cases } = createCoordinator({ ...peers, orders, placements, announce, runtime });

  const subscriptions = createSubscriptions({
    displayNames: peers.displayNames,
    closed(orderIds) {
      for (const orderId of orderIds) announce(orderId);
      // What was decided for them is leased to nobody.
      runtime.background.add(recovery.finishOpen());
    },
  });
  const events = createEvents({
    ...{ sql, service: 'order', instance, subscriptions, sources: peers.eventSources },
    ...{ snapshot: snapshotOrders, log, registry, retentionSeconds, broker },
  });

  const feed = createChangeFeed(changes);
  let recovering: Promise<void> | undefined;

  return {
    ...cases,
    // Orders that come while others are being placed wait for these, for a moment, and share every step.
    createOrder: createConvoy(cases.createOrder, { maxSize: 256, maxInFlight: 32, patienceMs: 200 }),
    orders,
    views: createOrderViews(sql),
    changes,
    transactions,
    feed,
    events,
    finishOpen: recovery.finishOpen,
    retryTransaction: recovery.retry,

    /** Listens for changes, publishes and reads events, and finishes what others left open, until `stopping`. */
    start(stopping: AbortSignal): void {
      feed.start();
      events.start(stopping);
      recovering = recovery.run(stopping);
    },
    /** Waits for what calls and events have left running, once there are no more calls. */
    async drain(): Promise<void> {
      await events.stop();
      await recovering;
      await runtime.background.idle();
    },
    stop: (): Promise<void> => feed.stop(),
  };
}
