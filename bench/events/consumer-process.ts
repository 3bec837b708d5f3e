import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { ProductUpdatedSchema } from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { bigints, uuids } from '../../platform/db/arrays.ts';
import { connect } from '../../platform/db/database.ts';
import { subscribe } from '../../platform/events/consumer/subscription.ts';
import { createEvents } from '../../platform/events/events.ts';
import { createClient } from '../../platform/rpc/client.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { serveTaking } from './taking.ts';

// Another service, with a database of its own, that has a row for each event, in the transaction that notes its position.
const [databaseUrl = '', broker = '', secret = '', address = ''] = process.argv.slice(2);
const INSTANCE = 'order-1';
const log = createLogger({ service: 'order', instance: INSTANCE, level: 'warn' });
const { sql } = connect({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 10, INSTANCE }, log);
const { tell } = serveTaking();
let uncommitted: number[] = [];
const effects = subscribe('product', [ProductUpdatedSchema], {
  async handle(events, tx) {
    const subjects = events.map(({ subject }) => subject);
    const versions = events.map(({ message }) => message.version);
    await tx`
      insert into effects (subject, number)
      select * from unnest(${uuids(subjects)}::uuid[], ${bigints(versions)}::bigint[])`;
    uncommitted.push(...versions.map(Number));
  },
  committed() {
    tell(uncommitted);
    uncommitted = [];
  },
});
const product = createClient(ProductEventService, { address, serviceName: 'order', serviceToken: secret });
createEvents({
  sql,
  service: 'order',
  instance: INSTANCE,
  subscriptions: [effects],
  sources: { product },
  async *snapshot() {},
  log,
  registry: createMetrics().registry,
  retentionSeconds: 86_400,
  broker,
}).start(new AbortController().signal);
process.send?.('ready');
