import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import { askCoordinator } from '../../platform/participant/ask-coordinator.ts';
import type { BranchName } from '../../platform/participant/branch.ts';
import { claimHangingTries } from '../../platform/participant/branch-store.ts';
import { followCoordinator } from '../../platform/participant/hanging-tries.ts';
import { countConflicts, type ParticipantMetrics } from '../../platform/participant/metrics.ts';
import { createClient } from '../../platform/rpc/client.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import type { Outcome } from './stock.ts';
import { cancelReservations, confirmReservations } from './stock-store.ts';

/** Where the coordinator is, how this service proves who it is, and how long a reservation may wait. */
export interface CoordinatorConfig {
  readonly ORDER_ADDRESS: string;
  readonly SERVICE_TOKEN: string;
  readonly TRY_TIMEOUT_S: number;
}

/** Follows the order service's decisions about reservations that were left hanging, until `stopping`. */
export async function followOrders(
  config: CoordinatorConfig,
  sql: Sql,
  metrics: ParticipantMetrics & Partial<Pick<Metrics, 'clientCalls'>>,
  log: Logger,
  stopping: AbortSignal,
  everyMs?: number,
): Promise<void> {
  const orders = createClient(OrderService, {
    address: config.ORDER_ADDRESS,
    serviceName: 'product',
    serviceToken: config.SERVICE_TOKEN,
    durations: metrics.clientCalls,
  });

  const counted = async (method: string, outcomes: Promise<Outcome[]>) =>
    countConflicts(metrics, method, await outcomes);
  const tries = {
    hanging: (limit: number) => claimHangingTries(sql, config.TRY_TIMEOUT_S, limit),
    ask: askCoordinator(orders, TransactionState),
    confirm: (names: readonly BranchName[]) => counted('ConfirmReservation', confirmReservations(sql, names)),
    cancel: (names: readonly BranchName[]) => counted('CancelReservation', cancelReservations(sql, names)),
    metrics,
    log,
  };
  await followCoordinator(tries, stopping, everyMs);
  orders.close();
}
