import { setTimeout as sleep } from 'node:timers/promises';
import { OrderService, type WatchOrderResponse } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { fail } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';
import { type Client, createClient } from './client.ts';
import type { Context } from './context.ts';
import type { Routes } from './routes.ts';

const orderId = uuidv7();
type Watch = Routes<typeof OrderService>['watchOrder'];

async function serve(watchOrder: Watch) {
  const { address, server } = await testServer({
    implementations: [implementPartly(OrderService, { watchOrder })],
    authenticate: () => ({ kind: 'user', userId: 'u', role: 'customer', sessionId: 's' }),
  });
  return { client: connectTo(address), server };
}

function connectTo(address: string): Client<typeof OrderService> {
  const client = createClient(OrderService, { address });
  onTestFinished(() => client.close());
  return client;
}

const forever = ({ signal }: Context) => sleep(60_000, undefined, { signal });
/** The versions that came, and what ended them. */
async function collect(messages: AsyncIterable<WatchOrderResponse>) {
  const versions: bigint[] = [];
  try {
    for await (const { change } of messages) versions.push(change?.version ?? 0n);
    return { versions, error: undefined };
  } catch (error) {
    return { versions, error };
  }
}

test('messages arrive typed and in order, then the end; context goes along', async () => {
  let seen: Context | undefined;
  const { client } = await serve(async function* (request, context) {
    seen = context;
    for (let version = 1n; version <= 100n; version++)
      yield { change: { version, orderId: request.orderId } };
  });
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
  const { versions, error } = await collect(client.watchOrder({ orderId }, { requestId: 'req-1', trace }));
  expect(error).toBeUndefined();
  expect(versions).toEqual(Array.from({ length: 100 }, (_, index) => BigInt(index + 1)));
  expect(seen).toMatchObject({ requestId: 'req-1', trace: { traceId: trace.traceId, sampled: true } });
});

test("a failure is the callee's domain error, after the messages before it", async () => {
  const { client } = await serve(async function* () {
    yield { change: { version: 1n } };
    yield { change: { version: 2n } };
    throw fail('OUT_OF_RANGE', 'EVENTS_REMOVED', 'Take a snapshot.', {
      metadata: { first: '7' },
      retryAfterMs: 250,
    });
  });
  const iterator = client.watchOrder({ orderId })[Symbol.asyncIterator]();
  // The error arrives while nobody reads.
  expect((await iterator.next()).value).toMatchObject({ change: { version: 1n } });
  await sleep(100);
  expect((await iterator.next()).value).toMatchObject({ change: { version: 2n } });
  await expect(iterator.next()).rejects.toMatchObject({
    kind: 'OUT_OF_RANGE',
    reason: 'EVENTS_REMOVED',
    message: 'Take a snapshot.',
    metadata: { first: '7' },
    retryAfterMs: 250,
  });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test('an invalid request, a callee that is away and one that drains are told apart', async () => {
  const { client, server } = await serve(async function* (_request, context) {
    yield { change: { version: 1n } };
    await forever(context);
  });
  expect((await collect(client.watchOrder({ orderId: 'x' }))).error).toMatchObject({
    kind: 'INVALID_ARGUMENT',
    violations: [{ field: 'order_id' }],
  });
  expect((await collect(connectTo('127.0.0.1:1').watchOrder({ orderId }))).error).toMatchObject({
    kind: 'UNAVAILABLE',
    reason: 'UPSTREAM_UNAVAILABLE',
  });
  const iterator = client.watchOrder({ orderId })[Symbol.asyncIterator]();
  await iterator.next();
  const drained = server.drain(5_000);
  await expect(iterator.next()).rejects.toMatchObject({ kind: 'UNAVAILABLE', reason: 'SERVER_DRAINING' });
  await drained;
});

test('a loop that is left, and an iterator that is returned while it waits, cancel the call', async () => {
  const signals: AbortSignal[] = [];
  const { client } = await serve(async function* (_request, context) {
    signals.push(context.signal);
    yield { change: { version: 1n } };
    await forever(context);
  });
  for await (const _ of client.watchOrder({ orderId })) break;
  await expect.poll(() => signals[0]?.aborted).toBe(true);

  const iterator = client.watchOrder({ orderId })[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  await iterator.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await expect.poll(() => signals[1]?.aborted).toBe(true);
});

test('a signal cancels the call, and the loop ends with its reason', async () => {
  let signal: AbortSignal | undefined;
  const { client } = await serve(async function* (_request, context) {
    signal = context.signal;
    yield { change: { version: 1n } };
    await forever(context);
  });
  const controller = new AbortController();
  const iterator = client.watchOrder({ orderId }, { signal: controller.signal })[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect.poll(() => signal?.aborted).toBe(true);
  const { error } = await collect(client.watchOrder({ orderId }, { signal: controller.signal }));
  expect(error).toMatchObject({ message: 'enough' });
});

test("the context's deadline ends the stream; one that has passed begins none", async () => {
  let calls = 0;
  const { client } = await serve(async function* (_request, context) {
    calls++;
    yield { change: { version: 1n } };
    await forever(context);
  });
  const late = { kind: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED' };
  const ended = await collect(client.watchOrder({ orderId }, { deadline: Date.now() + 200 }));
  expect(ended).toMatchObject({ versions: [1n], error: late });
  const { error } = await collect(client.watchOrder({ orderId }, { deadline: Date.now() - 1 }));
  expect(error).toMatchObject(late);
  expect(calls).toBe(1);
});

test('a slow reader holds the callee back, and then gets everything', async () => {
  const last = 400;
  let made = 0;
  const { client } = await serve(async function* () {
    while (made < last) {
      made++;
      yield { change: { version: BigInt(made), orderId: 'x'.repeat(64_000) } };
    }
  });
  const iterator = client.watchOrder({ orderId })[Symbol.asyncIterator]();
  await iterator.next();
  let held = 0;
  await expect
    .poll(
      () => {
        const still = made === held;
        held = made;
        return still;
      },
      { interval: 200 },
    )
    .toBe(true);
  expect(held).toBeLessThan(100);
  const { versions } = await collect({ [Symbol.asyncIterator]: () => iterator });
  expect(versions).toHaveLength(last - 1);
  expect(versions.at(-1)).toBe(BigInt(last));
});
