import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { type Clients, euro, newCustomer, newProduct, signIn } from './clients.ts';

const url = inject('gatewayUrl');
let admin: Clients;
beforeAll(async () => {
  const { email, password } = inject('admin');
  admin = await signIn(url, email, password);
});

describe('an order', () => {
  it('is placed, changed, watched and cancelled; stock and wallet end where they began', async () => {
    const customer = await newCustomer(url);
    const lamp = await newProduct(admin, 2_500, 10);
    const rug = await newProduct(admin, 9_900, 5);
    await admin.wallets.grantCredit({
      requestId: randomUUID(),
      userId: customer.user.id,
      amount: euro(50_000),
    });

    const { order } = await customer.orders.createOrder({
      requestId: randomUUID(),
      lines: [{ productId: lamp.id, quantity: 2 }],
    });
    expect(order).toMatchObject({ state: OrderState.PLACED, total: euro(5_000), userId: customer.user.id });
    if (!order) throw new Error('no order');
    expect(order.lines).toMatchObject([{ productName: lamp.name, unitPrice: euro(2_500), quantity: 2 }]);

    const { order: changed } = await customer.orders.updateOrder({
      orderId: order.id,
      etag: order.etag,
      lines: [
        { productId: lamp.id, quantity: 1 },
        { productId: rug.id, quantity: 3 },
      ],
    });
    expect(changed).toMatchObject({ state: OrderState.PLACED, total: euro(2_500 + 3 * 9_900) });
    await expectStock(lamp.id, { available: 9n, held: 0n, sold: 1n });
    await expectStock(rug.id, { available: 2n, held: 0n, sold: 3n });
    await expectBalance(customer, { available: euro(50_000 - 32_200), held: euro(0) });

    const watched: OrderState[] = [];
    const watching = (async () => {
      for await (const { change } of customer.orders.watchOrder({
        orderId: order.id,
        afterVersion: order.version,
      })) {
        if (change) watched.push(change.state);
      }
    })();
    const { order: cancelled } = await customer.orders.cancelOrder({ orderId: order.id });
    expect(cancelled?.state).toBe(OrderState.CANCELLED);
    await watching;
    expect(watched).toEqual([OrderState.PLACED, OrderState.CANCELLED]);

    await expectStock(lamp.id, { available: 10n, held: 0n, sold: 0n });
    await expectStock(rug.id, { available: 5n, held: 0n, sold: 0n });
    await expectBalance(customer, { available: euro(50_000), held: euro(0) });
  });

  it('that cannot be paid takes nothing', async () => {
    const customer = await newCustomer(url);
    const lamp = await newProduct(admin, 2_500, 10);
    const refusal = await customer.orders
      .createOrder({ requestId: randomUUID(), lines: [{ productId: lamp.id, quantity: 1 }] })
      .catch((error) => ConnectError.from(error));
    expect(refusal).toMatchObject({ code: Code.FailedPrecondition });
    await expectStock(lamp.id, { available: 10n, held: 0n, sold: 0n });
  });

  it('repeated with its request_id is the same order, and another body is refused', async () => {
    const customer = await newCustomer(url);
    const lamp = await newProduct(admin, 100, 10);
    await admin.wallets.grantCredit({
      requestId: randomUUID(),
      userId: customer.user.id,
      amount: euro(1_000),
    });
    const request = { requestId: randomUUID(), lines: [{ productId: lamp.id, quantity: 2 }] };
    const [first, ...repeats] = await Promise.all(
      Array.from({ length: 5 }, () => customer.orders.createOrder(request)),
    );
    for (const repeat of repeats) expect(repeat).toEqual(first);
    await expectBalance(customer, { available: euro(800), held: euro(0) });
    const other = customer.orders.createOrder({ ...request, lines: [{ productId: lamp.id, quantity: 3 }] });
    await expect(other).rejects.toMatchObject({ code: Code.AlreadyExists });
  });

  it('is not there for anybody else', async () => {
    const [owner, stranger] = await Promise.all([newCustomer(url), newCustomer(url)]);
    const lamp = await newProduct(admin, 100, 10);
    await admin.wallets.grantCredit({ requestId: randomUUID(), userId: owner.user.id, amount: euro(1_000) });
    const lines = [{ productId: lamp.id, quantity: 1 }];
    const { order } = await owner.orders.createOrder({ requestId: randomUUID(), lines });
    const orderId = order?.id ?? '';
    const notFound = { code: Code.NotFound };
    await expect(stranger.orders.getOrder({ orderId })).rejects.toMatchObject(notFound);
    await expect(stranger.orders.cancelOrder({ orderId })).rejects.toMatchObject(notFound);
    await expect(stranger.orders.deleteOrder({ orderId })).rejects.toMatchObject(notFound);
    await expect(
      stranger.orders.updateOrder({ orderId, etag: order?.etag ?? '', lines }),
    ).rejects.toMatchObject(notFound);
    expect((await stranger.orders.listOrders({ userId: owner.user.id })).orders).toEqual([]);
    expect((await admin.orders.getOrder({ orderId })).order).toMatchObject({ id: orderId });
  });
});

/** Confirms run after the reply, so what they change is waited for. */
async function expectStock(productId: string, stock: { available: bigint; held: bigint; sold: bigint }) {
  await expect
    .poll(async () => (await admin.stock.getStock({ productId })).stock, { timeout: 5_000 })
    .toMatchObject(stock);
}

async function expectBalance(customer: Clients, balance: object) {
  await expect
    .poll(async () => (await customer.wallets.getWallet({})).wallet?.balances, { timeout: 5_000 })
    .toMatchObject([balance]);
}
