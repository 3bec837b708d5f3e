import {
  OrderCancelledSchema,
  OrderPlacedSchema,
  OrderUpdatedSchema,
} from '@souk/contracts/shop/order/v1/order_events_pb.js';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { createConsumer } from '../../platform/events/consumer/consumer.ts';
import { newEvent } from '../../platform/events/event.ts';
import { uuidv7 } from '../../platform/id.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { memoryPublisher } from '../../platform/testing/memory-source.ts';
import { subscriptions } from './subscriptions.ts';
import { newProduct, testService } from './test-service.ts';

const { sql, admin } = await testService();

type Lines = Readonly<Record<string, number>>;
const items = (lines: Lines) =>
  Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity }));
const placed = (orderId: string, lines: Lines) =>
  newEvent(OrderPlacedSchema, orderId, { orderId, items: items(lines) });
const updated = (orderId: string, lines: Lines) => {
  const changes = Object.entries(lines).map(([productId, delta]) => ({ productId, delta: BigInt(delta) }));
  return newEvent(OrderUpdatedSchema, orderId, { orderId, changes });
};
const cancelled = (orderId: string, lines: Lines) =>
  newEvent(OrderCancelledSchema, orderId, { orderId, items: items(lines) });

async function soldEventually(expected: Record<string, number>): Promise<void> {
  const sold = async () => {
    const rows = await sql<{ id: string; sold: bigint }[]>`select product_id as id, sold from sales`;
    return Object.fromEntries(rows.map((row) => [row.id, Number(row.sold)]));
  };
  await expect.poll(sold, { timeout: 15_000, interval: 50 }).toEqual(expected);
}

test('sales are counted once, however often they come, and counting anew gives the same', async () => {
  const [a = '', b = '', c = ''] = await Promise.all([1, 2, 3].map(() => newProduct(admin)));
  const orders = memoryPublisher('order', 7);
  orders.faults.twice = true;
  // Sold before this service has ever read an event.
  const first = uuidv7();
  orders.publish([placed(first, { [a]: 2, [b]: 1 })]);
  orders.state.push(placed(first, { [a]: 2, [b]: 1 }));
  const consumer = createConsumer({
    sql,
    instance: 'test',
    subscriptions,
    sources: new Map([['order', orders.source]]),
    log: createLogger({ service: 'product', instance: 'test', level: 'error' }),
    registry: new Registry(),
  });
  onTestFinished(() => consumer.stop());
  consumer.start(new AbortController().signal);
  await soldEventually({ [a]: 2, [b]: 1, [c]: 0 });
  // A snapshot that is taken later would have to hold what is published from here on.
  await expect.poll(() => orders.counts.snapshot).toBe(8);

  const others = Array.from({ length: 40 }, () => uuidv7());
  const lines = { [a]: 1, [c]: 10 };
  orders.publish(others.map((id) => placed(id, lines)));
  orders.publish([updated(first, { [a]: -2, [b]: 3, [c]: 1 })]);
  orders.publish(others.slice(5).map((id) => cancelled(id, lines)));
  // Read after all that has come twice.
  orders.publish([placed(uuidv7(), { [b]: 100 })]);
  await soldEventually({ [a]: 5, [b]: 104, [c]: 51 });

  orders.state.splice(0);
  orders.state.push(...others.slice(0, 5).map((id) => placed(id, lines)));
  orders.state.push(placed(first, { [b]: 4, [c]: 1 }), placed(uuidv7(), { [b]: 100 }));
  await sql`update sales set counts = '{1, 2, 3, 4, 5, 6, 7, 8}' where product_id <> ${b}`;
  expect(await consumer.rebuild('order')).toBe(8);
  await soldEventually({ [a]: 5, [b]: 104, [c]: 51 });
  orders.publish([placed(uuidv7(), { [a]: 1 })]);
  await soldEventually({ [a]: 6, [b]: 104, [c]: 51 });
});
