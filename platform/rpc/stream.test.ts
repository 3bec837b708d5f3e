import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ClientReadableStream } from '@grpc/grpc-js';
import {
  OrderService,
  WatchOrderRequestSchema,
  type WatchOrderResponse,
  WatchOrderResponseSchema,
} from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { implementPartly } from '../testing/implement.ts';
import { type RawResult, type TestServer, testServer, toResult } from '../testing/server.ts';
import type { Context } from './context.ts';
import type { Routes } from './routes.ts';

const WATCH = '/shop.order.v1.OrderService/WatchOrder';
type Watch = Routes<typeof OrderService>['watchOrder'];
const unused = () => {
  throw new Error('not used here');
};
const identity = (bytes: Buffer): Buffer => bytes;
const request = toBinary(WatchOrderRequestSchema, create(WatchOrderRequestSchema, { orderId: uuidv7() }));

function serverWith(watchOrder: Watch): Promise<TestServer> {
  return testServer({
    implementations: [implementPartly(OrderService, { watchOrder })],
    authenticate: () => ({ kind: 'user', userId: 'u', role: 'customer', sessionId: 's' }),
  });
}

function watch(
  { client }: TestServer,
  bytes = request,
  timeoutMs?: number,
): ClientReadableStream<WatchOrderResponse> {
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const decode = (response: Buffer) => fromBinary(WatchOrderResponseSchema, response);
  return client.makeServerStreamRequest(WATCH, identity, decode, Buffer.from(bytes), options);
}

async function collect(
  stream: ClientReadableStream<WatchOrderResponse>,
): Promise<RawResult & { versions: bigint[] }> {
  const versions: bigint[] = [];
  stream.on('data', (message: WatchOrderResponse) => versions.push(message.change?.version ?? 0n));
  const error = await new Promise<Parameters<typeof toResult>[0]>((resolve) => {
    stream.once('error', resolve);
    stream.once('end', () => resolve(null));
  });
  return { ...toResult(error), versions };
}

test('messages arrive in order, then the end', async () => {
  const server = await serverWith(async function* () {
    for (let version = 1n; version <= 100n; version++) yield { change: { version } };
  });
  const { code, versions } = await collect(watch(server));
  expect(code).toBe('OK');
  expect(versions).toEqual(Array.from({ length: 100 }, (_, index) => BigInt(index + 1)));
});

test('an error after some messages arrives after them, mapped', async () => {
  const server = await serverWith(async function* () {
    yield { change: { version: 1n } };
    throw fail('NOT_FOUND', 'ORDER_NOT_FOUND', 'gone');
  });
  const result = await collect(watch(server));
  expect(result).toMatchObject({ code: 'NOT_FOUND', versions: [1n], details: { reason: 'ORDER_NOT_FOUND' } });
});

test('a malformed or invalid request never reaches the handler', async () => {
  const server = await serverWith(unused);
  expect((await collect(watch(server, Buffer.from([0x0a, 200])))).code).toBe('INVALID_ARGUMENT');
  expect((await collect(watch(server, Buffer.alloc(0)))).details.violations?.[0]?.field).toBe('order_id');
});

test('a client that goes away aborts the signal and returns the generator', async () => {
  let context: Context | undefined;
  let returned = false;
  const server = await serverWith(async function* (_request, given) {
    context = given;
    try {
      yield { change: { version: 1n } };
      await sleep(60_000, undefined, { signal: given.signal });
    } finally {
      returned = true;
    }
  });
  const stream = watch(server);
  stream.on('error', () => {});
  await new Promise((resolve) => stream.once('data', resolve));
  stream.cancel();
  await expect.poll(() => returned).toBe(true);
  expect(context?.signal.reason).toMatchObject({ kind: 'CANCELLED' });
  await expect
    .poll(() => server.metrics.registry.metrics())
    .toMatch(/_count\{.*\/WatchOrder",rpc_response_status_code="CANCELLED"} 1/);
});

test('a slow reader holds the generator back', async () => {
  let made = 0;
  const server = await serverWith(async function* () {
    for (;;) {
      made++;
      yield { change: { version: BigInt(made), orderId: 'x'.repeat(64_000) } };
    }
  });
  // Not a grpc-js client: it reads ahead without a bound.
  const session = connect(`http://${server.address}`);
  const headers = { ':method': 'POST', ':path': WATCH, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(headers).on('error', () => {});
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
  await expect.poll(() => made).toBeGreaterThan(0);
  await sleep(200);
  const held = made;
  await sleep(200);
  expect(made).toBe(held);
  expect(held).toBeLessThan(40);
  stream.resume();
  await expect.poll(() => made).toBeGreaterThan(held + 100);
  session.destroy();
  await sleep(50);
  const after = made;
  await sleep(100);
  expect(made).toBe(after);
});

test("the client's deadline ends the stream", async () => {
  let signal: AbortSignal | undefined;
  const server = await serverWith(async function* (_request, context) {
    signal = context.signal;
    yield { change: { version: 1n } };
    await sleep(60_000, undefined, { signal });
  });
  expect(await collect(watch(server, request, 200))).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    versions: [1n],
  });
  await expect.poll(() => signal?.aborted).toBe(true);
});

test('a drain ends streams with UNAVAILABLE, even one whose generator is stuck, and then the server', async () => {
  const server = await serverWith(async function* () {
    yield { change: { version: 7n } };
    await new Promise(() => {});
  });
  const stream = watch(server);
  const ended = collect(stream);
  await new Promise((resolve) => stream.once('data', resolve));
  const began = performance.now();
  await server.server.drain(5_000);
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(await ended).toMatchObject({
    code: 'UNAVAILABLE',
    versions: [7n],
    details: { reason: 'SERVER_DRAINING' },
  });
});
