import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { Registry } from 'prom-client';
import { connect } from '../db/database.ts';
import { createConsumer } from '../events/consumer/consumer.ts';
import { feedSource } from '../events/feed-source.ts';
import { createClient } from '../rpc/client.ts';
import { createLogger } from '../telemetry/log.ts';
import { productCopies } from './product-copies.ts';

// A process that keeps copies of products, to be killed: instance, URL of its database, address and token of the feed.
const [instance = '', databaseUrl = '', address = '', serviceToken = ''] = process.argv.slice(2);
const log = createLogger({ service: 'order', instance, level: 'warn' });
const database = connect({ DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 8, INSTANCE: instance }, log);
const client = createClient(ProductEventService, { address, serviceName: 'order', serviceToken });
const consumer = createConsumer({
  sql: database.sql,
  instance,
  subscriptions: [productCopies()],
  sources: new Map([['product', feedSource(client)]]),
  log,
  registry: new Registry(),
});
consumer.start(new AbortController().signal);
process.on('SIGTERM', async () => {
  await consumer.stop();
  client.close();
  await database.close();
  process.exit(0);
});
// The loops alone keep no process alive.
setInterval(() => {}, 1_000);
