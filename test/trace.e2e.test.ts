import { randomBytes, randomUUID } from 'node:crypto';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Receiver, startReceiver } from '../mesh/observability/receiver.ts';
import type { Span } from '../mesh/observability/span.ts';
import { asText } from '../mesh/testing/as-text.ts';
import { bearer, clientsOver, euro, newCustomer, newProduct, signIn } from './clients.ts';

const url = inject('gatewayUrl');
const soon = { timeout: 20_000, interval: 200 };

const texts = { metrics: '', logs: '' };
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver({
    port: inject('telemetryPort'),
    onMetrics: (request) => {
      texts.metrics += asText(request);
    },
    onLogs: (request) => {
      texts.logs += asText(request);
    },
  });
});
afterAll(() => receiver.close());

/** `order`, and what it is in: `order: create-order: stock try`. */
const labelOf = ({ service, name }: Span) => `${service}: ${name}`;

it('one trace runs from the gateway to the last effect, and nothing private is in any telemetry', async () => {
  const { email: adminEmail, password: adminPassword } = inject('admin');
  const admin = await signIn(url, adminEmail, adminPassword);
  const customer = await newCustomer(url);
  const grant = { requestId: randomUUID(), userId: customer.user.id, amount: euro(100_000) };
  await admin.wallets.grantCredit(grant);
  const product = await newProduct(admin, 100, 10);
  await expect(signIn(url, customer.email, 'wrong horse battery')).rejects.toThrow();

  const traceId = randomBytes(16).toString('hex');
  const clientSpan = randomBytes(8).toString('hex');
  const traced = createGrpcTransport({
    baseUrl: url,
    interceptors: [
      bearer(customer.session.accessToken),
      (next) => (request) => {
        request.header.set('traceparent', `00-${traceId}-${clientSpan}-01`);
        return next(request);
      },
    ],
  });
  const lines = [{ productId: product.id, quantity: 2 }];
  await clientsOver(traced).orders.createOrder({ requestId: randomUUID(), lines });

  const labels = () => receiver.spans.trace(traceId).map(labelOf);
  const wanted = [
    'order: shop.order.v1.OrderService/CreateOrder',
    'order: create-order: stock try',
    'order: create-order: wallet try',
    'order: create-order: stock confirm',
    'order: create-order: wallet confirm',
    'order: shop.product.v1.StockService/ReserveStock',
    'product: shop.product.v1.StockService/ReserveStock',
    'product: shop.product.v1.StockService/ConfirmReservation',
    'user: shop.user.v1.WalletService/HoldCredit',
    'user: shop.user.v1.WalletService/ConfirmHold',
    'order: publish shop.order.v1.OrderPlaced',
    'product: process shop.order.v1.OrderPlaced',
  ];
  await expect.poll(labels, soon).toEqual(expect.arrayContaining(wanted));
  // One tree: every span is part of another one, up to the client's own. Envoys send theirs last.
  const orphans = () => {
    const all = receiver.spans.trace(traceId);
    const known = new Set([clientSpan, ...all.map(({ spanId }) => spanId)]);
    return all.filter(({ parentSpanId }) => !known.has(parentSpanId)).map(labelOf);
  };
  await expect.poll(orphans, soon).toEqual([]);
  const spans = receiver.spans.trace(traceId);
  for (const proxy of ['gateway', 'order-sidecar', 'product-sidecar', 'user-sidecar'])
    expect(spans.map(({ service }) => service)).toContain(proxy);
  for (const service of ['order', 'product', 'user'])
    expect(
      spans.filter((span) => span.service === service && span.attributes['db.system.name'] === 'postgresql'),
    ).not.toEqual([]);

  const parentOf = (label: string) => {
    const all = receiver.spans.trace(traceId);
    const span = all.find((each) => labelOf(each) === label);
    return all.find(({ spanId }) => spanId === span?.parentSpanId);
  };
  expect(parentOf('order: shop.order.v1.OrderService/CreateOrder')?.service).toBe('order-sidecar');
  expect(parentOf('order: create-order: stock try')?.name).toBe('shop.order.v1.OrderService/CreateOrder');
  expect(parentOf('product: shop.product.v1.StockService/ReserveStock')?.service).toBe('product-sidecar');

  await expect.poll(() => texts.metrics, soon).toContain('rpc.server.call.duration');
  await expect.poll(() => texts.logs, soon).toContain(traceId);
  const everySpan = asText(
    receiver.spans.recent({ limit: 10_000 }).map((each) => receiver.spans.trace(each.traceId)),
  );
  // Each Envoy asks each instance once a second: more than all else of a shop that is at rest.
  expect(everySpan.includes('http.url')).toBe(true);
  expect(everySpan.includes('grpc.health')).toBe(false);
  const secrets = {
    password: customer.password,
    'another password': 'wrong horse battery',
    'e-mail address': customer.email,
    "the admin's password": adminPassword,
    'access token': customer.session.accessToken,
    'refresh token': customer.session.refreshToken,
    'a parameter of SQL': product.name,
  };
  for (const [what, secret] of Object.entries(secrets))
    for (const [where, text] of Object.entries({ ...texts, spans: everySpan }))
      expect(text.includes(secret), `${what} in ${where}`).toBe(false);
});
