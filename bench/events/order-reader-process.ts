import { OrderEventService } from '@souk/contracts/shop/order/v1/order_event_service_pb.js';
import { OrderPlacedSchema } from '@souk/contracts/shop/order/v1/order_events_pb.js';
import { bigints, uuids } from '../../platform/db/arrays.ts';
import { connect } from '../../platform/db/database.ts';
import { subscribe } from '../../platform/events/consumer/subscription.ts';
import { createEvents } from '../../platform/events/events.ts';
import { createClient } from '../../platform/rpc/client.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';

// A service that reads the order service's events, with a database of its own and a row for each event.
const [databaseUrl = '', serviceToken = '', address = ''] = process.argv.slice(2);
const INSTANCE = 'user-1';
const log = createLogger({ service: 'user', instance: INSTANCE, level: 'warn' });
const { sql } = connect({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 10, INSTANCE }, log);
const effects = subscribe('order', [OrderPlacedSchema], {
  async handle(events, tx) {
    await tx`
      insert into effects (subject, number)
      select * from unnest(
        ${uuids(events.map(({ subject }) => subject))}::uuid[],
        ${bigints(events.map(({ position }) => position))}::bigint[]
      )`;
  },
});
createEvents({
  sql,
  service: 'user',
  instance: INSTANCE,
  subscriptions: [effects],
  sources: { order: createClient(OrderEventService, { address, serviceName: 'user', serviceToken }) },
  async *snapshot() {},
  log,
  registry: createMetrics().registry,
  retentionSeconds: 86_400,
}).start(new AbortController().signal);
process.on('disconnect', () => process.exit());
process.send?.('ready');
