import { once } from 'node:events';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { StockService } from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { createAuthenticate } from '../auth/authenticate.ts';
import { fail, hasReason } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';
import { type Client, type ClientOptions, createClient } from './client.ts';
import type { Context } from './context.ts';
import { PROXY_RECONNECT_MS } from './reconnect.ts';
import type { Routes } from './routes.ts';

const productId = uuidv7();
type GetProduct = Routes<typeof ProductService>['getProduct'];

async function clientOf(getProduct: GetProduct): Promise<Client<typeof ProductService>> {
  const { address } = await testServer({
    implementations: [implementPartly(ProductService, { getProduct })],
  });
  return connectTo(address);
}

function connectTo(address: string): Client<typeof ProductService> {
  const client = createClient(ProductService, { address });
  onTestFinished(() => client.close());
  return client;
}

test('a call is typed, and carries deadline, request id and trace on', async () => {
  let seen: Context | undefined;
  const client = await clientOf((request, context) => {
    seen = context;
    return { product: { id: request.productId, name: 'Tea' } };
  });
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
  const deadline = Date.now() + 400;
  const { product } = await client.getProduct({ productId }, { deadline, requestId: 'req-1', trace });
  expect(product).toMatchObject({ id: productId, name: 'Tea' });
  expect(seen).toMatchObject({ requestId: 'req-1', trace: { traceId: trace.traceId, sampled: true } });
  expect(Math.abs((seen?.deadline ?? 0) - deadline)).toBeLessThan(100);
});

test("a failure is the callee's domain error", async () => {
  const client = await clientOf(() => {
    throw fail('FAILED_PRECONDITION', 'INSUFFICIENT_STOCK', 'Only 2 left.', {
      metadata: { left: '2' },
      violations: [{ field: 'lines[0]', description: 'too many' }],
      retryAfterMs: 250,
    });
  });
  const error = await client.getProduct({ productId }).catch((thrown: unknown) => thrown);
  expect(hasReason(error, 'INSUFFICIENT_STOCK')).toBe(true);
  expect(error).toMatchObject({
    kind: 'FAILED_PRECONDITION',
    message: 'Only 2 left.',
    metadata: { left: '2' },
    violations: [{ field: 'lines[0]', description: 'too many' }],
    retryAfterMs: 250,
  });
});

test("the callee's own faults, and its refusals of this service, are INTERNAL here", async () => {
  const broken = await clientOf(() => {
    throw new Error('x');
  });
  await expect(broken.getProduct({ productId })).rejects.toMatchObject({
    kind: 'INTERNAL',
    reason: 'UPSTREAM_FAILED',
  });
  await expect(broken.deleteProduct({ productId })).rejects.toMatchObject({
    kind: 'INTERNAL',
    cause: { message: expect.stringContaining('UNAUTHENTICATED TOKEN_MISSING') },
  });
});

test('a proxy that was away for long is found at once', async () => {
  const proxy = createNetServer().listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  proxy.close();
  const client = connectTo(`127.0.0.1:${port}`);
  await expect(client.getProduct({ productId })).rejects.toMatchObject({ kind: 'UNAVAILABLE' });
  await sleep(3_000);
  proxy.listen(port, '127.0.0.1');
  await once(proxy, 'listening');
  const back = performance.now();
  const [connection] = (await once(proxy, 'connection')) as [Socket];
  expect(performance.now() - back).toBeLessThan(1.5 * PROXY_RECONNECT_MS);
  connection.destroy();
  proxy.close();
});

test('a callee that is not there is UNAVAILABLE, without its address in the message', async () => {
  const client = connectTo('127.0.0.1:1');
  const error = (await client.getProduct({ productId }).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ kind: 'UNAVAILABLE', reason: 'UPSTREAM_UNAVAILABLE' });
  expect(error.message).not.toContain('127.0.0.1');
});

test('a passed deadline fails before anything is sent; one that passes ends the call', async () => {
  let calls = 0;
  const client = await clientOf(async () => {
    calls++;
    await sleep(5_000);
    return {};
  });
  const late = { kind: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED' };
  await expect(client.getProduct({ productId }, { deadline: Date.now() - 1 })).rejects.toMatchObject(late);
  expect(calls).toBe(0);
  await expect(client.getProduct({ productId }, { deadline: Date.now() + 100 })).rejects.toMatchObject(late);
  expect(calls).toBe(1);
});

test("an aborted signal ends the call, and the callee's", async () => {
  let signal: AbortSignal | undefined;
  const client = await clientOf(async (_request, context) => {
    signal = context.signal;
    await sleep(5_000, undefined, { signal });
    return {};
  });
  const controller = new AbortController();
  const call = client.getProduct({ productId }, { signal: controller.signal });
  await expect.poll(() => signal !== undefined).toBe(true);
  controller.abort(fail('CANCELLED', 'CANCELLED', 'gone'));
  await expect(call).rejects.toMatchObject({ kind: 'CANCELLED', message: 'gone' });
  await expect.poll(() => signal?.aborted).toBe(true);
  await expect(client.getProduct({ productId }, { signal: controller.signal })).rejects.toThrow('gone');
});

test('services prove themselves by their token', async () => {
  const callers: string[] = [];
  const take: Routes<typeof StockService>['take'] = (_request, { caller }) => {
    callers.push(caller.kind === 'service' ? caller.name : caller.kind);
    return {};
  };
  const tokens = new Map([
    ['order', 'the-secret-of-order'],
    ['user', 'the-secret-of-user'],
  ]);
  const { address } = await testServer({
    implementations: [implementPartly(StockService, { take })],
    authenticate: createAuthenticate({ serviceTokens: tokens }),
  });
  const as = (options: Omit<ClientOptions, 'address'>) => {
    const client = createClient(StockService, { address, ...options });
    onTestFinished(() => client.close());
    const branch = { transactionId: uuidv7(), branchId: 'stock' };
    return client
      .take({ branches: [{ branch, lines: [{ productId, quantity: 1 }] }] })
      .catch((error: { cause?: Error; message: string }) => error.cause?.message ?? error.message);
  };
  await as({ serviceName: 'order', serviceToken: 'the-secret-of-order' });
  expect(callers).toEqual(['order']);
  expect(await as({ serviceName: 'user', serviceToken: 'the-secret-of-user' })).toContain(
    'CALLER_NOT_ALLOWED',
  );
  expect(await as({ serviceName: 'order', serviceToken: 'wrong' })).toContain('SERVICE_TOKEN_INVALID');
  expect(await as({})).toContain('SERVICE_TOKEN_MISSING');
  expect(callers).toHaveLength(1);
});
