import { OrderEventService } from '@souk/contracts/shop/order/v1/order_event_service_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import { createEvents, type Events } from '../../platform/events/events.ts';
import { createClient } from '../../platform/rpc/client.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { snapshot } from './snapshot-store.ts';
import { subscriptions } from './subscriptions.ts';

/** Where the publishers are, how this service proves who it is, and the settings of its events. */
export interface EventSettings {
  readonly INSTANCE: string;
  readonly ORDER_ADDRESS: string;
  readonly SERVICE_TOKEN: string;
  readonly EVENT_RETENTION_S: number;
  readonly EVENTS_URL: string;
}

/** What this service publishes, and what it makes of others' events. */
export function productEvents(
  config: EventSettings,
  sql: Sql,
  log: Logger,
  metrics: Pick<Metrics, 'registry' | 'clientCalls'>,
): Events {
  const order = createClient(OrderEventService, {
    address: config.ORDER_ADDRESS,
    serviceName: 'product',
    serviceToken: config.SERVICE_TOKEN,
    durations: metrics.clientCalls,
  });
  const events = createEvents({
    sql,
    service: 'product',
    instance: config.INSTANCE,
    subscriptions,
    sources: { order },
    snapshot,
    log,
    registry: metrics.registry,
    retentionSeconds: config.EVENT_RETENTION_S,
    broker: config.EVENTS_URL,
  });
  return {
    ...events,
    async stop() {
      await events.stop();
      order.close();
    },
  };
}
