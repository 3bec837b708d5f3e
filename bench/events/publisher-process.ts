import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { ProductUpdatedSchema } from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { createAuthenticate } from '../../platform/auth/authenticate.ts';
import { connect } from '../../platform/db/database.ts';
import { newEvent } from '../../platform/events/event.ts';
import { createEvents } from '../../platform/events/events.ts';
import { appendEvents } from '../../platform/events/outbox.ts';
import { implement } from '../../platform/rpc/routes.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { idOf, PRODUCTS } from '../fixture.ts';
import { servePublishing } from './publishing.ts';

// A service that publishes: its database, its events and their feed, by real gRPC. Tells its address when it serves.
const [databaseUrl = '', broker = '', secret = ''] = process.argv.slice(2);
const INSTANCE = 'product-1';
const log = createLogger({ service: 'product', instance: INSTANCE, level: 'warn' });
const { sql, ping } = connect({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 10, INSTANCE }, log);
const metrics = createMetrics();
const events = createEvents({
  sql,
  service: 'product',
  instance: INSTANCE,
  async *snapshot() {},
  log,
  registry: metrics.registry,
  retentionSeconds: 86_400,
  broker,
});
const server = createServer({
  implementations: [implement(ProductEventService, events.routes)],
  authenticate: createAuthenticate({ serviceTokens: new Map([['order', secret]]) }),
  health: ping,
  log,
  metrics,
});
const port = await server.listen('127.0.0.1', 0);
events.start(new AbortController().signal);

servePublishing(async (numbers) => {
  await appendEvents(
    sql,
    numbers.map((number) => {
      const productId = idOf((number % PRODUCTS) + 1);
      const product = { productId, name: `Lamp ${number}`, version: BigInt(number) };
      return newEvent(ProductUpdatedSchema, productId, product);
    }),
  );
  events.wake();
});
process.send?.({ address: `127.0.0.1:${port}` });
