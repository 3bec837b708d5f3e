import { randomBytes } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Metadata, status } from '@grpc/grpc-js';
import {
  CreateProductRequestSchema,
  GetProductRequestSchema,
  GetProductResponseSchema,
  ProductService,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';
import type { Context } from './context.ts';
import type { Routes } from './routes.ts';

const GET = '/shop.product.v1.ProductService/GetProduct';
const CREATE = '/shop.product.v1.ProductService/CreateProduct';
const implementation = (routes: Partial<Routes<typeof ProductService>>) =>
  implementPartly(ProductService, routes);
const productId = uuidv7();
const getRequest = toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId }));
const admin = () => ({ kind: 'user', userId: 'u-1', role: 'admin', sessionId: 's-1' }) as const;

test('a call reaches its handler, synchronous or not, and its answer comes back', async () => {
  const { call, metrics, lines } = await testServer({
    implementations: [
      implementation({
        getProduct: ({ productId: id }) => ({ product: { id, name: 'Tēa' } }),
        createProduct: async ({ name }) => ({ product: { name } }),
      }),
    ],
    authenticate: admin,
  });
  const got = await call(GET, getRequest);
  expect(got.code).toBe('OK');
  expect(fromBinary(GetProductResponseSchema, got.bytes as Buffer).product?.name).toBe('Tēa');

  const request = create(CreateProductRequestSchema, {
    requestId: uuidv7(),
    name: 'Pot',
    price: { currencyCode: 'EUR', minorUnits: 5n },
  });
  expect((await call(CREATE, toBinary(CreateProductRequestSchema, request))).code).toBe('OK');

  const text = await metrics.registry.metrics();
  expect(text).toMatch(/_count\{.*ProductService\/GetProduct",rpc_response_status_code="OK"\} 1$/m);
  const calls = lines.filter((line) => line.msg === 'call');
  expect(calls.map((line) => [line.method, line.level, line.userId])).toEqual([
    [GET, 'debug', 'u-1'],
    [CREATE, 'info', 'u-1'],
  ]);
  expect(JSON.stringify(lines)).not.toContain('Pot');
});

test('whose failure is only passed on is told apart from its status, so that nobody blames this instance', async () => {
  const failures = [
    fail('UNAVAILABLE', 'UPSTREAM_UNAVAILABLE', 'away', { passedOn: true }),
    fail('UNAVAILABLE', 'DATABASE_UNAVAILABLE', 'away'),
    fail('NOT_FOUND', 'PRODUCT_NOT_FOUND', 'no', { passedOn: true }),
  ];
  const { client } = await testServer({
    implementations: [
      implementation({
        getProduct() {
          throw failures.shift();
        },
      }),
    ],
  });
  const answer = () =>
    new Promise((resolve) => {
      let begun: Metadata | undefined;
      const bytes = (each: Buffer) => each;
      client
        .makeUnaryRequest(GET, bytes, bytes, Buffer.from(getRequest), (error) => {
          const told = (metadata?: Metadata) => metadata?.get('x-souk-passed-on').join();
          resolve([error?.code, told(begun), told(error?.metadata)]);
        })
        .on('metadata', (metadata) => {
          begun = metadata;
        });
    });
  expect(await answer()).toEqual([status.UNAVAILABLE, '1', '']);
  expect(await answer()).toEqual([status.UNAVAILABLE, undefined, '']);
  expect(await answer()).toEqual([status.NOT_FOUND, undefined, '']);
});

test.each([
  ['truncated bytes', getRequest.slice(0, -3)],
  ['a string that is not UTF-8', Buffer.concat([Buffer.from([0x0a, 36]), Buffer.alloc(36, 0xff)])],
  ['an overlong varint', Buffer.alloc(20, 0xff)],
  ['a group that never ends', Buffer.from([0x0b])],
])('%s is INVALID_ARGUMENT', async (_name, bytes) => {
  const { call } = await testServer({ implementations: [implementation({})] });
  const result = await call(GET, bytes);
  expect(result.code).toBe('INVALID_ARGUMENT');
  expect(result.details.reason).toBe('MESSAGE_MALFORMED');
});

test("the contract's rules are told field by field", async () => {
  const { call } = await testServer({ implementations: [implementation({})], authenticate: admin });
  const request = create(CreateProductRequestSchema, { requestId: 'x', description: 'd'.repeat(5001) });
  const result = await call(CREATE, toBinary(CreateProductRequestSchema, request));
  expect(result.code).toBe('INVALID_ARGUMENT');
  expect(result.details.reason).toBe('REQUEST_INVALID');
  expect(result.details.violations?.map(({ field }) => field)).toEqual([
    'request_id',
    'name',
    'description',
    'price',
  ]);
});

test('what a huge invalid message costs and answers is bounded', async () => {
  const { call } = await testServer({ implementations: [implementation({})] });
  const path = '/shop.product.v1.ProductService/BatchGetProducts';
  const ids = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0x0a, 1, 0x78])));
  const result = await call(path, ids);
  expect(result.code).toBe('INVALID_ARGUMENT');
  expect(result.details.violations).toHaveLength(1);
});

test('a message over the limit is RESOURCE_EXHAUSTED, and the connection lives on', async () => {
  const { call } = await testServer({ implementations: [implementation({ getProduct: () => ({}) })] });
  const result = await call(GET, Buffer.alloc(5_000_000));
  expect(result.code).toBe('RESOURCE_EXHAUSTED');
  expect(result.message).toContain('1048576');
  expect((await call(GET, getRequest)).code).toBe('OK');
});

test('metadata over the limit fails its own call only', async () => {
  const { call } = await testServer({ implementations: [implementation({ getProduct: () => ({}) })] });
  expect(
    (await call(GET, getRequest, { metadata: { 'x-big': randomBytes(150_000).toString('hex') } })).code,
  ).not.toBe('OK');
  expect((await call(GET, getRequest)).code).toBe('OK');
});

test('a domain error keeps kind, reason, metadata, violations and retry delay', async () => {
  const { call } = await testServer({
    implementations: [
      implementation({
        getProduct: () => {
          throw fail('FAILED_PRECONDITION', 'OUT_OF_STOCK', 'Nothing left.', {
            metadata: { product: 'p' },
            violations: [{ field: 'product_id', description: 'sold out' }],
            retryAfterMs: 1500,
            cause: new Error('secret cause'),
          });
        },
      }),
    ],
  });
  const result = await call(GET, getRequest);
  expect(result).toMatchObject({ code: 'FAILED_PRECONDITION', message: 'Nothing left.' });
  expect(result.details).toEqual({
    reason: 'OUT_OF_STOCK',
    metadata: { product: 'p' },
    violations: [{ field: 'product_id', description: 'sold out' }],
    retryAfterMs: 1500,
  });
});

test.each([
  ['an Error', () => new Error('password=hunter2 at /srv/a.ts')],
  ['a string', () => 'hunter2'],
  ['an INTERNAL domain error', () => fail('INTERNAL', 'HUNTER2', 'hunter2', { metadata: { hunter2: 'x' } })],
  ['undefined', () => undefined],
])('%s that a handler throws leaks nothing, and is logged with the request id', async (_name, make) => {
  const { call, lines } = await testServer({
    implementations: [
      implementation({
        getProduct: async () => {
          throw make();
        },
      }),
    ],
  });
  const result = await call(GET, getRequest, { metadata: { 'x-request-id': 'req-7' } });
  expect(result.code).toBe('INTERNAL');
  expect(result.message).toContain('req-7');
  expect(result.trailers.get('x-request-id')).toEqual(['req-7']);
  expect(JSON.stringify([result.message, result.details, result.trailers.toJSON()])).not.toMatch(
    /hunter2|srv/i,
  );
  expect(lines.find((line) => line.msg === 'call')).toMatchObject({
    level: 'error',
    code: 'INTERNAL',
    requestId: 'req-7',
  });
});

test('an answer that does not fit its message is INTERNAL', async () => {
  const { call } = await testServer({
    implementations: [
      implementation({ getProduct: () => ({ product: { price: { minorUnits: 2n ** 70n } } }) }),
    ],
  });
  expect((await call(GET, getRequest)).code).toBe('INTERNAL');
});

test('an error message with half a surrogate pair still arrives', async () => {
  const { call } = await testServer({
    implementations: [
      implementation({
        getProduct: () => {
          throw fail('NOT_FOUND', 'X', `bad \ud83d % ü ${'💥'.repeat(400)}`);
        },
      }),
    ],
  });
  expect(await call(GET, getRequest)).toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('% ü 💥'),
  });
});

test('request and trace ids come from the metadata, or are made', async () => {
  const seen: Context[] = [];
  const { call } = await testServer({
    implementations: [
      implementation({
        getProduct: (_request, context) => {
          seen.push(context);
          return {};
        },
      }),
    ],
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await call(GET, getRequest, {
    metadata: { 'x-request-id': 'abc', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  await call(GET, getRequest, { metadata: { 'x-request-id': 'no spaces', traceparent: 'x' } });
  expect(seen[0]).toMatchObject({ requestId: 'abc', trace: { traceId, sampled: true } });
  expect(seen[0]?.trace.spanId).not.toBe('00f067aa0ba902b7');
  expect(seen[1]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(seen[1]?.trace).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/), sampled: false });
});
