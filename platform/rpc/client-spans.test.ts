import { setTimeout as sleep } from 'node:timers/promises';
import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { fail } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { type FinishedSpan, setSpanSink } from '../telemetry/span.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';
import { createClient } from './client.ts';
import type { Context } from './context.ts';
import type { Routes } from './routes.ts';

const GET = 'shop.product.v1.ProductService/GetProduct';
const productId = uuidv7();
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const EMAIL = 'ada@example.com';
let spans: FinishedSpan[] = [];
beforeEach(() => {
  spans = [];
  setSpanSink((span) => spans.push(span));
});
afterEach(() => setSpanSink(undefined));

/** The spans of the calling side; the server is in the same process, and makes its own. */
const clientSpans = () => spans.filter(({ kind }) => kind === 'client');
const shapeOf = (name: string, status: string, sampled: boolean) => ({
  trace: {
    ...{ traceId, parentSpanId: spanId, sampled },
    spanId: expect.not.stringMatching(new RegExp(`^${spanId}$`)),
  },
  ...{ name, kind: 'client', start: expect.any(Number), end: expect.any(Number) },
  attributes: { 'rpc.system.name': 'grpc', 'rpc.method': name, 'rpc.response.status_code': status },
});
const failureOf = (name: string, status: string, sampled: boolean) => {
  const shape = shapeOf(name, status, sampled);
  return { ...shape, attributes: { ...shape.attributes, 'error.type': status }, error: status };
};

/** Calls GetProduct within a trace, and waits for its end, whatever that is. */
async function getProduct(address: string, sampled: boolean, context: Partial<Context> = {}) {
  const client = createClient(ProductService, { address });
  onTestFinished(() => client.close());
  const trace = { traceId, spanId, sampled };
  await client.getProduct({ productId }, { ...context, trace }).catch(() => {});
}
async function serverThat(getProduct: Routes<typeof ProductService>['getProduct']): Promise<string> {
  return (await testServer({ implementations: [implementPartly(ProductService, { getProduct })] })).address;
}
const failing = (error: Error) =>
  serverThat(() => {
    throw error;
  });

const faults: [string, () => Promise<string>][] = [
  ['INTERNAL', () => failing(new Error(`no mail to ${EMAIL}`))],
  ['UNAVAILABLE', () => failing(fail('UNAVAILABLE', 'AWAY', `${EMAIL} is away`))],
  ['UNAVAILABLE', async () => '127.0.0.1:1'],
  ['DEADLINE_EXCEEDED', () => serverThat((_, { signal }) => sleep(5_000, {}, { signal }))],
];
describe.each([{ sampled: true }, { sampled: false }])(
  'of a trace with sampled = $sampled',
  ({ sampled }) => {
    test.each(faults)('a call that ends with %s is a span', async (status, start) => {
      const timeoutMs = status === 'DEADLINE_EXCEEDED' ? 100 : 5_000;
      await getProduct(await start(), sampled, { deadline: Date.now() + timeoutMs });
      expect(clientSpans()).toEqual([failureOf(GET, status, sampled)]);
      const [span] = clientSpans();
      expect(span && span.end > span.start).toBe(true);
      // What else is known of a failure: what it says, its reason, who was asked, and for what.
      const text = JSON.stringify(clientSpans());
      for (const told of [EMAIL, 'mail', 'AWAY', '127.0.0.1', productId]) expect(text).not.toContain(told);
    });
  },
);

test('a refusal is a span without an error, and none where the trace is not sampled', async () => {
  const address = await failing(fail('NOT_FOUND', 'PRODUCT_NOT_FOUND', `Not for ${EMAIL}.`));
  await getProduct(address, true);
  expect(clientSpans()).toEqual([{ ...shapeOf(GET, 'NOT_FOUND', true), error: undefined }]);
  spans = [];
  await getProduct(address, false);
  expect(clientSpans()).toEqual([]);
});

test('a stream that fails is a span too', async () => {
  const { address } = await testServer({
    implementations: [
      implementPartly(OrderService, {
        async *watchOrder() {
          yield { change: { version: 1n } };
          throw new Error(`no mail to ${EMAIL}`);
        },
      }),
    ],
    authenticate: () => ({ kind: 'user', userId: 'u', role: 'customer', sessionId: 's' }),
  });
  const client = createClient(OrderService, { address });
  onTestFinished(() => client.close());
  const watch = async () => {
    const trace = { traceId, spanId, sampled: false };
    for await (const _ of client.watchOrder({ orderId: uuidv7() }, { trace }));
  };
  await expect(watch()).rejects.toThrow();
  expect(clientSpans()).toEqual([failureOf('shop.order.v1.OrderService/WatchOrder', 'INTERNAL', false)]);
  expect(JSON.stringify(clientSpans())).not.toContain('mail');
});
