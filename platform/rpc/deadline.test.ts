import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  GetProductRequestSchema,
  ProductService,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { expect, test } from 'vitest';
import { DomainError } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';
import type { Context } from './context.ts';
import type { Routes } from './routes.ts';

const GET = '/shop.product.v1.ProductService/GetProduct';
const implementation = (routes: Partial<Routes<typeof ProductService>>) =>
  implementPartly(ProductService, routes);
const productId = uuidv7();
const getRequest = toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId }));

test("the method's timeout ends a call without a deadline, aborts its signal and is counted once", async () => {
  let seen: Context | undefined;
  const { call, metrics } = await testServer({
    implementations: [
      implementation({
        getProduct: async (_request, context) => {
          seen = context;
          await sleep(60_000, undefined, { signal: context.signal }).catch(() => {});
          await sleep(50);
          return {};
        },
      }),
    ],
  });
  const began = performance.now();
  const result = await call(GET, getRequest);
  expect(result).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { reason: 'DEADLINE_EXCEEDED' } });
  expect(performance.now() - began).toBeGreaterThan(950);
  expect(seen?.signal.reason).toBeInstanceOf(DomainError);
  await sleep(100);
  const text = await metrics.registry.metrics();
  expect(text).toMatch(/_count\{.*\/GetProduct",rpc_response_status_code="DEADLINE_EXCEEDED"} 1/);
  expect(text).toMatch(/_count\{.*\/GetProduct",rpc_response_status_code="OK"} 0/);
});

test("the client's earlier deadline aborts the signal too", async () => {
  let signal: AbortSignal | undefined;
  const { call, metrics } = await testServer({
    implementations: [
      implementation({
        getProduct: async (_request, context) => {
          signal = context.signal;
          expect(context.deadline - Date.now()).toBeLessThanOrEqual(150);
          await sleep(60_000, undefined, { signal }).catch(() => {});
          return {};
        },
      }),
    ],
  });
  expect((await call(GET, getRequest, { timeoutMs: 150 })).code).toBe('DEADLINE_EXCEEDED');
  await expect.poll(() => signal?.aborted).toBe(true);
  // Both clocks run out in the same moment: the client may hang up before the server has seen it.
  await expect
    .poll(() => metrics.registry.metrics())
    .toMatch(/_count\{.*\/GetProduct",rpc_response_status_code="(DEADLINE_EXCEEDED|CANCELLED)"} 1/);
});

test('a call whose deadline has passed before it starts never reaches the handler', async () => {
  let ran = 0;
  const { call } = await testServer({
    implementations: [
      implementation({
        getProduct: () => {
          ran++;
          return {};
        },
      }),
    ],
    authenticate: async () => {
      await sleep(1100);
      return { kind: 'anonymous' };
    },
  });
  expect((await call(GET, getRequest, { timeoutMs: 0 })).code).toBe('DEADLINE_EXCEEDED');
  // Even when it passes during the checks before the handler.
  expect((await call(GET, getRequest)).code).toBe('DEADLINE_EXCEEDED');
  await sleep(300);
  expect(ran).toBe(0);
});

test('a client that cancels aborts the signal; the call counts as CANCELLED', async () => {
  let signal: AbortSignal | undefined;
  const { client, metrics } = await testServer({
    implementations: [
      implementation({
        getProduct: async (_request, context) => {
          signal = context.signal;
          await sleep(60_000, undefined, { signal });
          return {};
        },
      }),
    ],
  });
  const same = (bytes: Buffer) => bytes;
  const call = client.makeUnaryRequest(GET, same, same, Buffer.from(getRequest), () => {});
  await expect.poll(() => signal !== undefined).toBe(true);
  call.cancel();
  await expect
    .poll(() => metrics.registry.metrics())
    .toMatch(/_count\{.*\/GetProduct",rpc_response_status_code="CANCELLED"} 1/);
  expect(signal?.reason).toMatchObject({ kind: 'CANCELLED' });
});

test('a drain lets the calls under way finish, takes no new ones, and cuts off what takes too long', async () => {
  const started: string[] = [];
  const { call, server, address } = await testServer({
    implementations: [
      implementation({
        getProduct: async (_request, context) => {
          started.push(context.requestId);
          await sleep(context.requestId === 'slow' ? 900 : 200);
          return {};
        },
      }),
    ],
  });
  const named = (id: string) => call(GET, getRequest, { metadata: { 'x-request-id': id } });
  const calls = Promise.all(Array.from({ length: 20 }, (_, index) => named(`quick-${index}`)));
  const slow = named('slow');
  await expect.poll(() => started).toHaveLength(21);
  const drained = server.drain(500);
  expect((await calls).map(({ code }) => code)).toEqual(Array(20).fill('OK'));
  await drained;
  expect((await slow).code).toBe('CANCELLED');
  expect((await named('late')).code).toBe('UNAVAILABLE');
  await expect(fetch(`http://${address}`)).rejects.toThrow();
  expect(started).toHaveLength(21);
});
