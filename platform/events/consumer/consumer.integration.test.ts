import {
  ProductDeletedSchema,
  ProductUpdatedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { Registry } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { testConsumers } from '../../testing/consumers.ts';
import { memoryPublisher } from '../../testing/memory-source.ts';
import {
  countEffects,
  deleted,
  effectsOf,
  productCopies,
  productIds,
  updated,
} from '../../testing/product-copies.ts';
import { newEvent, type Received } from '../event.ts';
import { createConsumer } from './consumer.ts';
import { subscribe } from './subscription.ts';

const { sql, start, fromStart, clear } = await testConsumers();
afterEach(clear);
const patient = { timeout: 15_000, interval: 20 };
const lowest = async () => {
  const [row] = await sql<{ position: bigint }[]>`select min(position) as position from event_positions`;
  return row?.position;
};

test('events take effect once each, in the order of their subject, and are acknowledged', async () => {
  const product = memoryPublisher('product');
  const ids = productIds(40);
  const events = Array.from({ length: 25 }, (_, i) => ids.map((id) => updated(id, i + 1))).flat();
  product.faults.twice = true;
  await fromStart();
  const consumer = await start({ product: product.source });
  product.publish(events.slice(0, 500));
  await expect.poll(() => countEffects(sql), patient).toBe(500);
  product.publish(events.slice(500));
  await expect.poll(() => countEffects(sql), patient).toBe(1_000);
  const inOrder = Array.from({ length: 25 }, (_, i) => i + 1);
  expect(await effectsOf(sql)).toEqual(new Map(ids.map((id) => [id, inOrder])));
  await expect.poll(() => Math.max(...[...product.acknowledged.values()].map(Number)), patient).toBe(1_000);
  const metrics = await consumer.metrics();
  expect(metrics).toContain(
    'messaging_client_consumed_messages_total{messaging_system="souk",messaging_destination_name="product",souk_event_type="shop.product.v1.ProductUpdated"} 1000',
  );
  expect(metrics).toContain(
    'souk_event_delivery_duration_seconds_count{messaging_destination_name="product"} 1000',
  );
  const lines = consumer.lines.filter(({ msg }) => msg === 'event took effect');
  expect(lines).toHaveLength(1_000);
  expect(lines[0]).toMatchObject({
    type: 'shop.product.v1.ProductUpdated',
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
});

test('an event comes typed, in the trace of what caused it', async () => {
  const product = memoryPublisher('product');
  const [id] = productIds(1) as [string];
  let seen: Received | undefined;
  const subscription = subscribe('product', [ProductUpdatedSchema], {
    prepare: async (events) => events.map(({ message }) => message.name.toUpperCase()),
    async handle(events, _tx, names) {
      expect(names).toEqual(['TEA']);
      [seen] = events;
    },
  });
  await fromStart();
  await start({ product: product.source }, { subscriptions: [subscription] });
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
  product.publish([newEvent(ProductUpdatedSchema, id, { productId: id, name: 'tea', version: 7n }, trace)]);
  await expect
    .poll(() => seen, patient)
    .toMatchObject({
      source: 'product',
      subject: id,
      position: 1n,
      trace: { traceId: trace.traceId, sampled: true },
      message: { $typeName: 'shop.product.v1.ProductUpdated', name: 'tea', version: 7n },
    });
  expect(Date.now() - (seen?.time.getTime() ?? 0)).toBeLessThan(60_000);
});

test('subscriptions of one publisher take turns, in the order of the log, in one transaction', async () => {
  const product = memoryPublisher('product');
  const calls: [string, number][] = [];
  const noting = (name: string) => ({
    handle: async (events: readonly Received[]) => void calls.push([name, events.length]),
  });
  await fromStart();
  const ids = productIds(4) as [string, string, string, string];
  product.publish([
    updated(ids[0], 1),
    updated(ids[1], 1),
    deleted(ids[1], 2),
    deleted(ids[2], 1),
    updated(ids[3], 1),
  ]);
  await start(
    { product: product.source },
    {
      subscriptions: [
        subscribe('product', [ProductUpdatedSchema], noting('updated')),
        subscribe('product', [ProductDeletedSchema], noting('deleted')),
      ],
    },
  );
  await expect.poll(() => calls.reduce((sum, [, count]) => sum + count, 0), patient).toBe(5);
  // At first only some of the partitions may be assigned: then there are more calls.
  if (calls.length === 3)
    expect(calls).toEqual([
      ['updated', 2],
      ['deleted', 2],
      ['updated', 1],
    ]);
});

test('a subscription is told when what it did is committed, also of a snapshot', async () => {
  const product = memoryPublisher('product');
  product.state.push(updated(productIds(1)[0] as string, 1));
  const seen: Promise<number>[] = [];
  const copies = async () => Number((await sql`select count(*) as count from copies`)[0]?.count);
  const committed = () => void seen.push(copies());
  await start({ product: product.source }, { subscriptions: [{ ...productCopies(), committed }] });
  await expect.poll(() => seen.length, patient).toBe(8);
  expect(await seen[7]).toBe(1);
  product.publish([updated(productIds(1)[0] as string, 1)]);
  await expect.poll(() => seen.length, patient).toBe(9);
  expect(await seen[8]).toBe(2);
});

test('types that nobody wants are skipped, and their positions committed, soon and few times', async () => {
  const product = memoryPublisher('product', 5);
  await fromStart();
  const [id] = productIds(1, 2) as [string];
  let commits = 0;
  const before = () => {
    commits++;
  };
  await start({ product: product.source }, { subscriptions: [productCopies({ before })] });
  for (const each of productIds(800))
    product.append({ ...updated(each, 1), type: 'shop.product.v1.StockAdjusted' });
  await expect.poll(lowest, patient).toBeGreaterThan(700n);
  expect(commits).toBe(0);
  product.publish([updated(id, 1)]);
  await expect.poll(() => countEffects(sql), patient).toBe(1);
});

test('without subscriptions nothing runs and nothing is asked for', async () => {
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const registry = new Registry();
  let statements = 0;
  const counted = new Proxy(sql, {
    apply(target, self, given) {
      statements++;
      return Reflect.apply(target, self, given);
    },
  });
  const consumer = createConsumer({
    sql: counted,
    instance: 'x',
    subscriptions: [],
    sources: new Map(),
    log,
    registry,
  });
  statements = 0;
  consumer.start(new AbortController().signal);
  await registry.metrics();
  expect(await consumer.rebuild()).toBe(0);
  await consumer.stop();
  expect(statements).toBe(0);
  expect(await consumer.parked.list(1)).toEqual([]);
});

test('a subscription without a source, and a type with two subscriptions, are faults of the start', async () => {
  await expect(start({})).rejects.toThrow('no source for the subscription to product');
  const twice = { subscriptions: [productCopies(), productCopies()] };
  await expect(start({ product: memoryPublisher('product').source }, twice)).rejects.toThrow(
    'two subscriptions',
  );
});

test('100,000 events are caught up with in bounded memory', async () => {
  const product = memoryPublisher('product', 500);
  const ids = productIds(1_000);
  for (let version = 1; version <= 100; version++) product.publish(ids.map((id) => updated(id, version)));
  await fromStart();
  let [handled, largest, ahead] = [0, 0, 0];
  const count = {
    handle: async (events: readonly Received[]) => {
      handled += events.length;
      largest = Math.max(largest, events.length);
      ahead = Math.max(ahead, product.counts.sent - handled);
    },
  };
  const subscriptions = [subscribe('product', [ProductUpdatedSchema], count)];
  await start({ product: product.source }, { subscriptions, level: 'info' });
  await expect.poll(() => handled, { timeout: 50_000, interval: 50 }).toBe(100_000);
  expect(largest).toBeLessThanOrEqual(500);
  expect(ahead).toBeLessThanOrEqual(2_000);
}, 60_000);
