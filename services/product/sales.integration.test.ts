import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import {
  OrderCancelledSchema,
  OrderPlacedSchema,
  OrderUpdatedSchema,
} from '@souk/contracts/shop/order/v1/order_events_pb.js';
import { ProductOrder } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { describe, expect, test } from 'vitest';
import type { Transaction } from '../../platform/db/database.ts';
import type { Subscription } from '../../platform/events/consumer/subscription.ts';
import { partitionOf, type Received } from '../../platform/events/event.ts';
import { uuidv7 } from '../../platform/id.ts';
import { childSpan } from '../../platform/telemetry/trace.ts';
import { subscriptions } from './subscriptions.ts';
import { newProduct, testService } from './test-service.ts';

const { sql, admin, anonymous } = await testService();
const [sales] = subscriptions as [Subscription];

type Lines = Readonly<Record<string, number>>;
const items = (lines: Lines) =>
  Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity }));
const changes = (lines: Lines) =>
  Object.entries(lines).map(([productId, delta]) => ({ productId, delta: BigInt(delta) }));

let position = 0n;
function received<Schema extends DescMessage>(
  schema: Schema,
  orderId: string,
  init: MessageInitShape<Schema>,
): Received {
  const facts = { id: randomUUID(), source: 'order', subject: orderId, time: new Date() };
  return {
    ...facts,
    position: ++position,
    trace: childSpan(undefined),
    message: create(schema, init) as Message,
  };
}
const placed = (orderId: string, lines: Lines) =>
  received(OrderPlacedSchema, orderId, { orderId, items: items(lines) });
const updated = (orderId: string, lines: Lines) =>
  received(OrderUpdatedSchema, orderId, { orderId, changes: changes(lines) });
const cancelled = (orderId: string, lines: Lines) =>
  received(OrderCancelledSchema, orderId, { orderId, items: items(lines) });
const inSnapshot = (event: Received): Received => ({ ...event, position: 0n });

const handle = (events: Received[], tx: Transaction = sql) => sales.handle(events, tx, undefined);
const newProducts = (count: number) => Promise.all(Array.from({ length: count }, () => newProduct(admin)));
/** An order's id in that partition. */
const orderIn = (partition: number) => uuidv7().slice(0, -2) + (0xa0 + partition).toString(16);

/** How many pieces are counted as sold, in the order of the products. */
async function soldOf(...ids: string[]): Promise<number[]> {
  const rows = await sql<{ id: string; sold: bigint }[]>`
    select product_id as id, sold from sales where product_id = any (${ids}::uuid[])`;
  return ids.map((id) => Number(rows.find((row) => row.id === id)?.sold));
}

describe('the counts', () => {
  test('follow what is placed, changed and cancelled, in one batch or in many', async () => {
    const [a = '', b = ''] = await newProducts(2);
    const [x, y] = [uuidv7(), uuidv7()];
    await handle([placed(x, { [a]: 3, [b]: 1 }), placed(y, { [a]: 2 }), updated(x, { [a]: 4, [b]: -1 })]);
    expect(await soldOf(a, b)).toEqual([9, 0]);
    await handle([updated(y, { [a]: -1, [b]: 5 })]);
    await handle([cancelled(x, { [a]: 7 })]);
    expect(await soldOf(a, b)).toEqual([1, 5]);
  });

  test('put first what sells best', async () => {
    const ids = (await newProducts(3)) as [string, string, string];
    await handle([
      placed(uuidv7(), { [ids[1]]: 3_000_000_000 }),
      placed(uuidv7(), { [ids[0]]: 2_000_000_000 }),
    ]);
    const { products } = await anonymous.products.listProducts({
      orderBy: ProductOrder.BEST_SELLING,
      pageSize: 2,
    });
    expect(products.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
    await handle([cancelled(uuidv7(), { [ids[1]]: 3_000_000_000, [ids[0]]: 2_000_000_000 })]);
  });

  test('leave out products that are not known, and know ids in upper case', async () => {
    const [a = ''] = await newProducts(1);
    await handle([placed(uuidv7(), { [uuidv7()]: 1 })]);
    await handle([placed(uuidv7(), { [a.toUpperCase()]: 2, [uuidv7()]: 1 }), placed(uuidv7(), { [a]: 3 })]);
    expect(await soldOf(a)).toEqual([5]);
  });

  test('of batches of many partitions at once are exact, and the batches do not deadlock', async () => {
    const ids = await newProducts(30);
    const batches = Array.from({ length: 120 }, (_, n) => {
      const ordered = n % 2 ? ids : ids.toReversed();
      const lines = Object.fromEntries(ordered.filter(() => Math.random() < 0.7).map((id) => [id, 1]));
      return [placed(orderIn(n % 8), { ...lines, [ids[0] as string]: 1 })];
    });
    await Promise.all(batches.map((events) => sql.begin((tx) => handle(events, tx))));
    expect((await soldOf(ids[0] as string))[0]).toBe(120);
  });
});

describe('counting a partition anew', () => {
  async function recount(partition: number, pages: readonly Received[][], meanwhile?: () => Promise<void>) {
    await sql.begin(async (tx) => {
      await sales.reset?.(tx, partition);
      for (const page of pages) await handle(page.map(inSnapshot), tx);
      await meanwhile?.();
    });
  }

  test('gives the same counts, and leaves those of the other partitions', async () => {
    const [a = '', b = '', c = ''] = await newProducts(3);
    const [x, y, z] = [orderIn(2), orderIn(2), orderIn(3)];
    await handle([placed(x, { [a]: 3 }), placed(y, { [b]: 1 }), placed(z, { [a]: 10, [c]: 10 })]);
    await recount(2, [[placed(x, { [a]: 3 })], [placed(y, { [b]: 1 })]]);
    expect(await soldOf(a, b, c)).toEqual([13, 1, 10]);
    await recount(2, [[placed(x, { [a]: 1 }), placed(y, { [c]: 1 })], [placed(orderIn(2), { [c]: 4 })]]);
    expect(await soldOf(a, b, c)).toEqual([11, 0, 15]);
    await recount(3, []);
    expect(await soldOf(a, b, c)).toEqual([1, 0, 5]);
    await handle([updated(x, { [a]: 2 })]);
    expect(await soldOf(a, b, c)).toEqual([3, 0, 5]);
    expect(await sql`select from recounted_sales`).toHaveLength(0);
  });

  test('is seen at its end, and holds up no other batch', async () => {
    const [a = ''] = await newProducts(1);
    const x = orderIn(4);
    await handle([placed(x, { [a]: 3 })]);
    await recount(4, [[placed(x, { [a]: 2 })]], async () => {
      expect(await soldOf(a)).toEqual([3]);
      await handle([placed(orderIn(5), { [a]: 100 })]);
      expect(await soldOf(a)).toEqual([103]);
    });
    expect(await soldOf(a)).toEqual([102]);
  });

  test('that fails changes nothing', async () => {
    const [a = ''] = await newProducts(1);
    await handle([placed(orderIn(6), { [a]: 3 })]);
    const stop = () => Promise.reject(new Error('stop'));
    await expect(recount(6, [[placed(orderIn(6), { [a]: 9 })]], stop)).rejects.toThrow('stop');
    expect(await soldOf(a)).toEqual([3]);
    await recount(6, [[placed(orderIn(6), { [a]: 4 })]]);
    expect(await soldOf(a)).toEqual([4]);
  });

  test('of all partitions at once, while sales go on, loses none of them', async () => {
    const ids = await newProducts(20);
    const orders = Array.from({ length: 160 }, (_, n) =>
      placed(orderIn(n % 8), Object.fromEntries(ids.filter(() => Math.random() < 0.5).map((id) => [id, 1]))),
    );
    await handle(orders);
    const before = await soldOf(...ids);
    await sql`update sales set counts = '{9, 8, 7, 6, 5, 4, 3, 2}' where product_id = any (${ids}::uuid[])`;
    const all = Array.from({ length: 8 }, (_, partition) => partition);
    const recounts = all.map((partition) => {
      const own = orders.filter(({ subject }) => partitionOf(subject) === partition);
      // Then this partition's next batch: it comes after the recount in any case.
      return recount(partition, [own.slice(0, 7), own.slice(7)]).then(() =>
        handle([placed(orderIn(partition), { [ids[partition] as string]: 1 })]),
      );
    });
    await Promise.all(recounts);
    expect(await soldOf(...ids)).toEqual(before.map((sold, i) => sold + (i < 8 ? 1 : 0)));
  });
});
