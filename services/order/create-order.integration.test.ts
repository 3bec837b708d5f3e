import { randomUUID } from 'node:crypto';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { afterEach, describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { expireLeases, failureOf, orderShop, statesOf } from './testing/orders.ts';

const { sql, participants, start } = await orderShop();
const replica = await start();
const shop = participants;
const request = (...lines: [productId: string, quantity: number][]) => ({
  requestId: randomUUID(),
  lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
});
afterEach(() => expect([...shop.stock.wrongs, ...shop.wallets.wrongs]).toEqual([]));

describe('an order that can be placed', () => {
  it('gets the catalogue’s prices, and the stock and credit of all its lines', async () => {
    const userId = shop.addUser(10_000);
    const client = await replica.client(userId);
    const [lamp, rug] = [shop.addProduct(250, 10), shop.addProduct(900, 4)];
    const { order } = await client.createOrder(request([lamp, 3], [rug, 1]));
    expect(order).toMatchObject({
      userId,
      state: OrderState.PLACED,
      version: 2n,
      total: { currencyCode: 'EUR', minorUnits: 1650n },
      lines: [
        { productId: lamp, quantity: 3, unitPrice: { minorUnits: 250n } },
        { productId: rug, quantity: 1, unitPrice: { minorUnits: 900n } },
      ],
    });
    const orderId = order?.id ?? '';
    await expect.poll(() => statesOf(sql, orderId)).toEqual(['create-order COMMITTED']);
    expect(shop.stockOf(lamp)).toEqual({ available: 7, held: 0, used: 3 });
    expect(shop.walletOf(userId)).toEqual({ available: 8_350, held: 0, used: 1_650 });
    expect((await client.getOrder({ orderId })).order).toEqual(order);

    const admin = await replica.client(uuidv7(), 'admin');
    const { transactions } = await admin.listTransactions({ orderId });
    expect(transactions).toMatchObject([{ kind: 'create-order', orderId, attempts: 4, lastError: '' }]);
    const transactionId = transactions[0]?.id ?? '';
    expect((await admin.getTransaction({ transactionId })).transaction).toEqual(transactions[0]);
    expect(await failureOf(client.getTransaction({ transactionId }))).toMatchObject({
      code: 'PermissionDenied',
    });
    expect(await failureOf(admin.getTransaction({ transactionId: uuidv7() }))).toMatchObject({
      code: 'NotFound',
    });
  });

  it('is confirmed after its reply, however often that fails at first', async () => {
    const client = await replica.client(shop.addUser(1_000));
    const lamp = shop.addProduct(100, 5);
    shop.inject('confirmReservation', 'fail', 'lose', 'fail');
    shop.inject('confirmHold', 'lose');
    const { order } = await client.createOrder(request([lamp, 2]));
    await expect.poll(() => statesOf(sql, order?.id ?? '')).toEqual(['create-order COMMITTED']);
    expect(shop.stockOf(lamp)).toEqual({ available: 3, held: 0, used: 2 });
  });

  it('may cost nothing', async () => {
    const client = await replica.client(shop.addUser(0));
    const { order } = await client.createOrder(request([shop.addProduct(0, 1), 1]));
    expect(order).toMatchObject({ state: OrderState.PLACED, total: { minorUnits: 0n } });
  });
});

describe('an order that can’t be placed', () => {
  it('for want of stock gives its credit back, and says so at each repeat', async () => {
    const userId = shop.addUser(1_000);
    const client = await replica.client(userId);
    const [lamp, rug] = [shop.addProduct(100, 5), shop.addProduct(100, 1)];
    const call = request([lamp, 1], [rug, 2]);
    const refusal = {
      code: 'FailedPrecondition',
      reason: 'INSUFFICIENT_STOCK',
      metadata: { product_id: rug },
    };
    expect(await failureOf(client.createOrder(call))).toEqual(refusal);
    expect(shop.stockOf(lamp)).toEqual({ available: 5, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    const { orders } = await client.listOrders({});
    expect(orders).toMatchObject([{ state: OrderState.REJECTED, rejectReason: 'INSUFFICIENT_STOCK' }]);
    expect(await statesOf(sql, orders[0]?.id ?? '')).toEqual(['create-order ROLLED_BACK']);
    expect(await failureOf(client.createOrder(call))).toEqual(refusal);
    expect((await client.listOrders({})).orders).toHaveLength(1);
  });

  it('for want of credit gives its stock back', async () => {
    const client = await replica.client(shop.addUser(99));
    const lamp = shop.addProduct(100, 5);
    const refusal = { code: 'FailedPrecondition', reason: 'INSUFFICIENT_CREDIT' };
    expect(await failureOf(client.createOrder(request([lamp, 1])))).toMatchObject(refusal);
    expect(shop.stockOf(lamp)).toEqual({ available: 5, held: 0, used: 0 });
  });

  it('because of what it asks for takes no step', async () => {
    const client = await replica.client(shop.addUser(1_000));
    const [lamp, dear, foreign] = [
      shop.addProduct(100, 5),
      shop.addProduct(1e12, 5),
      shop.addProduct(100, 5, 'JPY'),
    ];
    const [unknown, other] = [uuidv7(), uuidv7()];
    const before = shop.calls.get('reserveStock');
    expect(await failureOf(client.createOrder(request([lamp, 1], [unknown, 1])))).toEqual({
      code: 'NotFound',
      reason: 'PRODUCT_NOT_FOUND',
      metadata: { product_id: unknown },
    });
    expect(await failureOf(client.createOrder(request([other, 1], [unknown, 1])))).toMatchObject({
      metadata: { product_ids: `${other},${unknown}` },
    });
    expect(await failureOf(client.createOrder(request([lamp, 1], [foreign, 1])))).toMatchObject({
      code: 'FailedPrecondition',
      reason: 'MIXED_CURRENCIES',
    });
    expect(await failureOf(client.createOrder(request([dear, 2])))).toMatchObject({
      code: 'InvalidArgument',
      reason: 'TOTAL_TOO_LARGE',
    });
    expect(await failureOf(client.createOrder(request([lamp, 1], [lamp.toUpperCase(), 1])))).toMatchObject({
      code: 'InvalidArgument',
    });
    expect(shop.calls.get('reserveStock')).toBe(before);
  });

  it.each(['reserveStock', 'holdCredit'] as const)(
    'because %s’s answer is lost leaves nothing, and may be repeated',
    async (method) => {
      const userId = shop.addUser(1_000);
      const client = await replica.client(userId);
      const lamp = shop.addProduct(100, 5);
      const call = request([lamp, 2]);
      shop.inject(method, 'lose');
      expect(await failureOf(client.createOrder(call))).toMatchObject({ code: 'Unavailable' });
      expect(shop.stockOf(lamp)).toEqual({ available: 5, held: 0, used: 0 });
      expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
      expect((await client.createOrder(call)).order).toMatchObject({ state: OrderState.PLACED });
    },
  );

  it('because a try hangs is not hurt when the try arrives late', async () => {
    const userId = shop.addUser(1_000);
    const client = await replica.client(userId);
    const lamp = shop.addProduct(100, 5);
    const late = Promise.withResolvers<void>();
    shop.inject('reserveStock', late.promise);
    expect(await failureOf(client.createOrder(request([lamp, 2])))).toMatchObject({ code: 'Unavailable' });
    late.resolve();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(shop.stockOf(lamp)).toEqual({ available: 5, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
  });
});

describe('a repeated request', () => {
  it('gets one order, however many of it run at once', async () => {
    const userId = shop.addUser(1_000);
    const other = await start();
    const clients = [await replica.client(userId), await other.client(userId)];
    const lamp = shop.addProduct(100, 5);
    const call = request([lamp, 1]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => clients[index % 2]?.createOrder(call)),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await clients[0]?.listOrders({}))?.orders).toHaveLength(1);
    await expect.poll(() => shop.stockOf(lamp)).toEqual({ available: 4, held: 0, used: 1 });
    const contents = { ...call, lines: [{ productId: lamp, quantity: 2 }] };
    expect(await failureOf((clients[1] as (typeof clients)[0]).createOrder(contents))).toMatchObject({
      code: 'AlreadyExists',
      reason: 'REQUEST_ID_REUSED',
    });
  });

  it('gets the order as it was placed, whatever happened since', async () => {
    const userId = shop.addUser(1_000);
    const first = await start();
    const [lamp, rug] = [shop.addProduct(100, 5), shop.addProduct(50, 5)];
    const call = request([lamp, 2]);
    const answer = await (await first.client(userId)).createOrder(call);
    await first.stop();

    const client = await (await start()).client(userId);
    expect(await client.createOrder(call)).toEqual(answer);
    const { id: orderId = '', etag = '' } = answer.order ?? {};
    await client.updateOrder({ orderId, etag, lines: [{ productId: rug, quantity: 1 }] });
    expect(await client.createOrder(call)).toEqual(answer);
    await client.cancelOrder({ orderId });
    shop.products.delete(lamp);
    expect(await client.createOrder(call)).toEqual(answer);
    await client.deleteOrder({ orderId });
    expect(await client.createOrder(call)).toEqual(answer);
  });

  it('is another for another person', async () => {
    const lamp = shop.addProduct(100, 5);
    const call = request([lamp, 1]);
    const [a, b] = await Promise.all(
      [1, 2].map(async () => (await replica.client(shop.addUser(100))).createOrder(call)),
    );
    expect(a?.order?.id).not.toBe(b?.order?.id);
  });

  it('goes on where a process died, with the same transaction', async () => {
    const userId = shop.addUser(1_000);
    const never = new Promise<never>(() => {});
    // It dies when the stock is reserved, before it hears of it.
    const dying = await start({
      peers: (peers) => ({
        ...peers,
        stock: { ...peers.stock, reserve: (...branch) => peers.stock.reserve(...branch).then(() => never) },
      }),
    });
    const lamp = shop.addProduct(100, 5);
    const call = request([lamp, 2]);
    void (await dying.client(userId)).createOrder(call).catch(() => {});
    await expect.poll(() => shop.stockOf(lamp).held).toBe(2);
    await expireLeases(sql);
    const { order } = await (await replica.client(userId)).createOrder(call);
    expect(order).toMatchObject({ state: OrderState.PLACED });
    await expect.poll(() => statesOf(sql, order?.id ?? '')).toEqual(['create-order COMMITTED']);
    expect(shop.stockOf(lamp)).toEqual({ available: 3, held: 0, used: 2 });
  });
});

describe('contention', () => {
  it('200 buyers of 50 pieces get exactly 50 orders', async () => {
    const lamp = shop.addProduct(100, 50);
    const other = await start();
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const client = await (index % 2 ? replica : other).client(shop.addUser(100));
        return client.createOrder(request([lamp, 1])).then(
          () => 'placed',
          async (error) => (await failureOf(Promise.reject(error))).reason,
        );
      }),
    );
    expect(outcomes.filter((outcome) => outcome === 'placed')).toHaveLength(50);
    expect(outcomes.filter((outcome) => outcome === 'INSUFFICIENT_STOCK')).toHaveLength(150);
    await expect.poll(() => shop.stockOf(lamp)).toEqual({ available: 0, held: 0, used: 50 });
  });
});
