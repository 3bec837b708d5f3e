import { randomUUID } from 'node:crypto';
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema } from '@souk/contracts/google/rpc/error_details_pb.js';
import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { afterAll } from 'vitest';
import { createAuthenticate } from '../../platform/auth/authenticate.ts';
import { createParticipantMetrics } from '../../platform/participant/metrics.ts';
import { createServer } from '../../platform/rpc/server.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { testDatabase } from '../../platform/testing/database.ts';
import { createTestIssuer } from '../../platform/testing/tokens.ts';
import { productEvents } from './events.ts';
import { routes } from './routes.ts';

/** Clients of the services, as one caller. */
export type Clients = ReturnType<typeof clientsOf>;

const SERVICE_TOKEN = 'a-secret-of-the-order-service';

/** The service on a database of its own, and clients of it. For the top of a test file. */
export async function testService() {
  const { sql, database } = await testDatabase('product');
  const issuer = await createTestIssuer();
  const metrics = createMetrics({ process: false });
  const participant = createParticipantMetrics(metrics.registry);
  const log = createLogger({ service: 'product', instance: 'test', level: 'error' });
  // Not started: what is published stays where it is.
  const events = productEvents(
    // Nobody listens there.
    {
      INSTANCE: 'test',
      ORDER_ADDRESS: '127.0.0.1:9',
      SERVICE_TOKEN,
      EVENT_RETENTION_S: 3_600,
      EVENTS_URL: '',
    },
    sql,
    log,
    metrics,
  );
  afterAll(() => events.stop());
  let wakes = 0;
  const wake = () => void wakes++;
  const server = createServer({
    implementations: routes(sql, { ...events, wake }, participant),
    authenticate: createAuthenticate({
      verifier: issuer.verifier,
      serviceTokens: new Map([['order', SERVICE_TOKEN]]),
    }),
    health: () => database.ping(),
    log,
    metrics,
  });
  const url = `http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  afterAll(() => server.drain(100));
  const signedIn = async (role: string) => ({ authorization: `Bearer ${await issuer.token({ role })}` });
  return {
    sql,
    metrics,
    participant,
    /** How often the publisher was told of events. */
    wakes: () => wakes,
    anonymous: clientsOf(url, {}),
    customer: clientsOf(url, await signedIn('customer')),
    admin: clientsOf(url, await signedIn('admin')),
    otherAdmin: clientsOf(url, await signedIn('admin')),
    order: clientsOf(url, { 'x-souk-service': 'order', 'x-souk-service-token': SERVICE_TOKEN }),
  };
}

function clientsOf(baseUrl: string, headers: Record<string, string>) {
  const send: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
    return next(request);
  };
  const transport = createGrpcTransport({ baseUrl, interceptors: [send] });
  return {
    products: createClient(ProductService, transport),
    stock: createClient(StockService, transport),
    events: createClient(ProductEventService, transport),
  };
}

/** An amount in euro cents. */
export const euro = (minorUnits: bigint | number) => ({
  currencyCode: 'EUR',
  minorUnits: BigInt(minorUnits),
});

/** Adds a product with `pieces` in stock, and returns its id. */
export async function newProduct(admin: Clients, pieces = 0, name = 'Lamp'): Promise<string> {
  const { product } = await admin.products.createProduct({
    requestId: randomUUID(),
    name,
    price: euro(1_500),
  });
  if (!product) throw new Error('CreateProduct answered without a product');
  if (pieces > 0) await putIn(admin, product.id, pieces);
  return product.id;
}

/** Puts pieces in by hand. */
export function putIn(admin: Clients, productId: string, pieces: number) {
  return admin.stock.adjustStock({ requestId: randomUUID(), productId, delta: BigInt(pieces) });
}

/** How a call failed. Fails itself when the call does not. */
export async function failure(call: Promise<unknown>) {
  const error = await call.then(
    () => {
      throw new Error('the call did not fail');
    },
    (reason: unknown) => ConnectError.from(reason),
  );
  return {
    code: Code[error.code],
    reason: error.findDetails(ErrorInfoSchema)[0]?.reason,
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap((bad) => bad.fieldViolations.map(({ field }) => field)),
  };
}
