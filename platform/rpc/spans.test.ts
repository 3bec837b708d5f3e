import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { type FinishedSpan, setSpanSink } from '../telemetry/span.ts';
import { setSampling } from '../telemetry/trace.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';

const GET = '/shop.product.v1.ProductService/GetProduct';
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentSpanId = '00f067aa0ba902b7';
let spans: FinishedSpan[] = [];
beforeEach(() => {
  spans = [];
  setSpanSink((span) => spans.push(span));
});
afterEach(() => {
  setSpanSink(undefined);
  setSampling({ ratio: 0, parentBased: true });
});

async function called(flags: string, failure?: Error) {
  const { call } = await testServer({
    implementations: [
      implementPartly(ProductService, {
        getProduct: () => {
          throw failure ?? fail('NOT_FOUND', 'PRODUCT_NOT_FOUND', 'No such product.');
        },
      }),
    ],
  });
  const metadata = { traceparent: `00-${traceId}-${parentSpanId}-${flags}` };
  await call(GET, Buffer.from([0x0a, 0x24, ...Buffer.from('01a20264-a570-72df-85f9-a03b53304280')]), {
    metadata,
  });
  return spans;
}

test('a call of a sampled trace is a span in it', async () => {
  expect(await called('01')).toMatchObject([
    {
      trace: { traceId, parentSpanId, sampled: true },
      name: 'shop.product.v1.ProductService/GetProduct',
      kind: 'server',
      attributes: { 'rpc.response.status_code': 'NOT_FOUND', 'souk.reason': 'PRODUCT_NOT_FOUND' },
      error: undefined,
    },
  ]);
});

test('of a call of another trace nothing is made', async () => {
  expect(await called('00')).toEqual([]);
});

test('unless it fails by a fault of ours', async () => {
  const spans = await called('00', new Error('a secret'));
  expect(spans).toMatchObject([{ trace: { traceId, parentSpanId, sampled: false }, error: 'INTERNAL' }]);
  expect(JSON.stringify(spans)).not.toContain('secret');
});
