import { randomUUID } from 'node:crypto';
import { type Order, OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { afterEach, describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { failureOf, type OrderClient, orderShop, statesOf } from './testing/orders.ts';

const { sql, participants: shop, start } = await orderShop();
const replica = await start();
afterEach(() => expect([...shop.stock.wrongs, ...shop.wallets.wrongs]).toEqual([]));

type Lines = [productId: string, quantity: number][];
const toLines = (lines: Lines) => lines.map(([productId, quantity]) => ({ productId, quantity }));

async function place(client: OrderClient, ...lines: Lines): Promise<Order> {
  const { order } = await client.createOrder({ requestId: randomUUID(), lines: toLines(lines) });
  return order as Order;
}

const update = (client: OrderClient, { id, etag }: Order, ...lines: Lines) =>
  client.updateOrder({ orderId: id, etag, lines: toLines(lines) }).then(({ order }) => order as Order);

/** A customer with an order of 3 lamps at 100, out of 10 lamps and 1,000 credit. */
async function customer() {
  const userId = shop.addUser(1_000);
  const client = await replica.client(userId);
  const lamp = shop.addProduct(100, 10);
  const order = await place(client, [lamp, 3]);
  await expect.poll(() => statesOf(sql, order.id)).toEqual(['create-order COMMITTED']);
  return { userId, client, lamp, order };
}

describe('UpdateOrder', () => {
  it('takes and gives back the difference; what stays keeps its price', async () => {
    const { userId, client, lamp, order } = await customer();
    const rug = shop.addProduct(50, 10);
    shop.products.set(lamp, { name: 'Dearer', price: 400n, currency: 'EUR' });
    const more = await update(client, order, [rug, 2], [lamp, 4]);
    expect(more).toMatchObject({
      state: OrderState.PLACED,
      version: 3n,
      total: { minorUnits: 500n },
      lines: [
        { productId: rug, unitPrice: { minorUnits: 50n } },
        { productId: lamp, unitPrice: { minorUnits: 100n }, productName: order.lines[0]?.productName },
      ],
    });
    expect(shop.stockOf(lamp)).toEqual({ available: 6, held: 0, used: 4 });
    expect(shop.stockOf(rug)).toEqual({ available: 8, held: 0, used: 2 });
    expect(shop.walletOf(userId)).toEqual({ available: 500, held: 0, used: 500 });

    const less = await update(client, more, [rug, 1]);
    expect(less).toMatchObject({ total: { minorUnits: 50n }, version: 4n });
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 950, held: 0, used: 50 });
    expect(await statesOf(sql, order.id)).toEqual([
      'create-order COMMITTED',
      'update-order COMMITTED',
      'update-order COMMITTED',
    ]);
    expect(await update(client, less, [rug, 1])).toEqual(less);
  });

  it('that is refused undoes what it took', async () => {
    const { userId, client, lamp, order } = await customer();
    const rug = shop.addProduct(800, 1);
    expect(await failureOf(update(client, order, [lamp, 3], [rug, 1]))).toMatchObject({
      code: 'FailedPrecondition',
      reason: 'INSUFFICIENT_CREDIT',
    });
    expect(shop.stockOf(rug)).toEqual({ available: 1, held: 0, used: 0 });
    expect(await failureOf(update(client, order, [lamp, 11]))).toMatchObject({
      reason: 'INSUFFICIENT_STOCK',
      metadata: { product_id: lamp },
    });
    expect(shop.walletOf(userId)).toEqual({ available: 700, held: 0, used: 300 });
    expect((await client.getOrder({ orderId: order.id })).order).toEqual(order);
  });

  it.each(['take', 'charge'] as const)('whose %s is lost undoes it, and may be repeated', async (method) => {
    const { userId, client, lamp, order } = await customer();
    shop.inject(method, 'lose');
    expect(await failureOf(update(client, order, [lamp, 5]))).toMatchObject({ code: 'Unavailable' });
    expect(shop.stockOf(lamp)).toEqual({ available: 7, held: 0, used: 3 });
    expect(shop.walletOf(userId)).toEqual({ available: 700, held: 0, used: 300 });
    expect(await update(client, order, [lamp, 5])).toMatchObject({ total: { minorUnits: 500n } });
  });

  it('gives back what it must, however often that fails at first', async () => {
    const { userId, client, lamp, order } = await customer();
    shop.inject('restock', 'fail', 'lose');
    shop.inject('refund', 'lose', 'fail');
    await update(client, order, [lamp, 1]);
    expect(shop.stockOf(lamp)).toEqual({ available: 9, held: 0, used: 1 });
    expect(shop.walletOf(userId)).toEqual({ available: 900, held: 0, used: 100 });
  });

  it('wins or is aborted, and then undone, when several run at once', async () => {
    const { userId, client, lamp, order } = await customer();
    const outcomes = await Promise.all(
      [4, 5, 6, 2, 1].map((quantity) =>
        update(client, order, [lamp, quantity]).then(
          () => quantity,
          async (error) => (await failureOf(Promise.reject(error))).code,
        ),
      ),
    );
    const won = outcomes.filter((outcome) => typeof outcome === 'number');
    expect(won).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'Aborted')).toHaveLength(4);
    const [pieces = 0] = won as number[];
    expect(shop.stockOf(lamp)).toEqual({ available: 10 - pieces, held: 0, used: pieces });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000 - 100 * pieces, held: 0, used: 100 * pieces });
    const states = await statesOf(sql, order.id);
    expect(states.filter((state) => state === 'update-order COMMITTED')).toHaveLength(1);
  });

  it('is refused without a step where the order does not allow it', async () => {
    const { client, lamp, order } = await customer();
    const yen = shop.addProduct(1, 1, 'JPY');
    const takes = shop.calls.get('take');
    const stale = { ...order, etag: 'x' } as Order;
    expect(await failureOf(update(client, stale, [lamp, 4]))).toMatchObject({ code: 'Aborted' });
    expect(await failureOf(update(client, order, [yen, 1]))).toMatchObject({ reason: 'MIXED_CURRENCIES' });
    expect(await failureOf(update(client, order, [uuidv7(), 1]))).toMatchObject({ code: 'NotFound' });
    const stranger = await replica.client(shop.addUser(1_000));
    expect(await failureOf(update(stranger, order, [lamp, 4]))).toMatchObject({ code: 'NotFound' });
    await client.cancelOrder({ orderId: order.id });
    expect(await failureOf(update(client, order, [lamp, 4]))).toMatchObject({ reason: 'ORDER_NOT_PLACED' });
    expect(shop.calls.get('take')).toBe(takes);
  });
});

describe('CancelOrder', () => {
  it('has given everything back when it answers, and may be repeated', async () => {
    const { userId, client, lamp, order } = await customer();
    const { order: cancelled } = await client.cancelOrder({ orderId: order.id, etag: order.etag });
    expect(cancelled).toMatchObject({ state: OrderState.CANCELLED, version: 3n, total: order.total });
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    const again = await client.cancelOrder({ orderId: order.id, etag: order.etag });
    expect(again.order).toEqual(cancelled);
    expect(await statesOf(sql, order.id)).toEqual(['create-order COMMITTED', 'cancel-order COMMITTED']);
  });

  it('that comes before the order’s confirms runs them first', async () => {
    const userId = shop.addUser(1_000);
    const client = await replica.client(userId);
    const lamp = shop.addProduct(100, 10);
    shop.inject('confirmReservation', 'fail', 'fail', 'fail', 'fail');
    shop.inject('confirmHold', 'fail', 'fail', 'lose');
    const order = await place(client, [lamp, 3]);
    await client.cancelOrder({ orderId: order.id });
    await expect
      .poll(() => statesOf(sql, order.id), { timeout: 5_000 })
      .toEqual(['create-order COMMITTED', 'cancel-order COMMITTED']);
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
  });

  it('and UpdateOrder at once leave what the order says', async () => {
    const { userId, client, lamp, order } = await customer();
    const [changed] = await Promise.allSettled([
      update(client, order, [lamp, 5]),
      client.cancelOrder({ orderId: order.id }),
    ]);
    const { order: now } = await client.getOrder({ orderId: order.id });
    expect(now).toMatchObject({
      state: OrderState.CANCELLED,
      version: changed.status === 'fulfilled' ? 4n : 3n,
    });
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
  });

  it('is refused for a stale etag, a rejected order and a stranger', async () => {
    const { client, lamp, order } = await customer();
    const cancel = (orderId: string, etag = '') => client.cancelOrder({ orderId, etag });
    expect(await failureOf(cancel(order.id, 'stale'))).toMatchObject({
      code: 'Aborted',
      reason: 'ETAG_STALE',
    });
    expect(await failureOf(cancel(uuidv7()))).toMatchObject({ code: 'NotFound' });
    const stranger = await replica.client(shop.addUser(0));
    expect(await failureOf(stranger.cancelOrder({ orderId: order.id }))).toMatchObject({ code: 'NotFound' });
    await failureOf(place(client, [lamp, 11]));
    const { orders } = await client.listOrders({ states: [OrderState.REJECTED] });
    expect(await failureOf(cancel(orders[0]?.id ?? ''))).toMatchObject({ reason: 'ORDER_NOT_PLACED' });
    const admin = await replica.client(uuidv7(), 'admin');
    const { order: cancelled } = await admin.cancelOrder({ orderId: order.id.toUpperCase() });
    expect(cancelled).toMatchObject({ id: order.id, state: OrderState.CANCELLED });
  });
});

describe('DeleteOrder', () => {
  it('cancels a placed order, hides it, and may be repeated', async () => {
    const { userId, client, lamp, order } = await customer();
    const orderId = order.id;
    const stranger = await replica.client(shop.addUser(0));
    expect(await failureOf(stranger.deleteOrder({ orderId }))).toMatchObject({ code: 'NotFound' });
    await client.deleteOrder({ orderId });
    await client.deleteOrder({ orderId });
    expect(await failureOf(stranger.deleteOrder({ orderId }))).toMatchObject({ code: 'NotFound' });
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    expect(await failureOf(client.getOrder({ orderId }))).toMatchObject({ code: 'NotFound' });
    expect(await failureOf(client.cancelOrder({ orderId }))).toMatchObject({ code: 'NotFound' });
    expect((await client.listOrders({})).orders).toEqual([]);
    expect(await failureOf(client.deleteOrder({ orderId: uuidv7() }))).toMatchObject({ code: 'NotFound' });
  });

  it('hides one that is over', async () => {
    const { client, order } = await customer();
    await client.cancelOrder({ orderId: order.id });
    await client.deleteOrder({ orderId: order.id });
    expect((await client.listOrders({})).orders).toEqual([]);
    expect(await statesOf(sql, order.id)).toEqual(['create-order COMMITTED', 'cancel-order COMMITTED']);
  });
});
