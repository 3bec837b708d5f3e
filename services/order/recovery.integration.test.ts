import { randomUUID } from 'node:crypto';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { afterEach, describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { createRelay } from '../../platform/testing/relay.ts';
import { expireLeases, failureOf, orderShop, statesOf } from './testing/orders.ts';
import type { Peers } from './use-cases.ts';

// A process "dies" where a call of its never comes back: from there on it does nothing any more.

const { sql, databaseUrl, participants: shop, start } = await orderShop();
const never = <T>(): Promise<T> => new Promise<T>(() => {});
const survivor = await start();
const finishOpen = async () => {
  await expireLeases(sql);
  await survivor.cases.finishOpen();
};
afterEach(() => expect([...shop.stock.wrongs, ...shop.wallets.wrongs]).toEqual([]));

/** A replica that dies in a call of `stock` or `wallet`, before or after its effect. */
const dyingIn = <P extends 'stock' | 'wallet'>(peer: P, method: keyof Peers[P], after: boolean) =>
  start({
    peers: (peers) => {
      const original = peers[peer][method] as (...branch: unknown[]) => Promise<unknown>;
      const dies = (...branch: unknown[]) => (after ? original(...branch).then(never) : never());
      return { ...peers, [peer]: { ...peers[peer], [method]: dies } };
    },
  });

async function customer() {
  const userId = shop.addUser(1_000);
  return { userId, lamp: shop.addProduct(100, 10), client: await survivor.client(userId) };
}
const request = (productId: string, quantity: number) => ({
  requestId: randomUUID(),
  lines: [{ productId, quantity }],
});

describe('a process that dies', () => {
  it.each([
    ['before its try', false],
    ['after its try', true],
  ])('%s leaves an order that is rejected, and a request that may be repeated', async (_, after) => {
    const { userId, lamp, client } = await customer();
    const dying = await dyingIn('wallet', 'hold', after);
    const call = request(lamp, 3);
    void (await dying.client(userId)).createOrder(call).catch(() => {});
    await expect.poll(() => shop.stockOf(lamp).held).toBe(3);
    const { orders } = await client.listOrders({});
    expect(orders).toMatchObject([{ state: OrderState.PENDING, version: 1n }]);

    // Not as long as the process may be alive.
    await survivor.cases.finishOpen();
    expect(shop.stockOf(lamp).held).toBe(3);
    await finishOpen();
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    expect((await client.listOrders({})).orders).toMatchObject([
      { state: OrderState.REJECTED, rejectReason: 'INTERRUPTED' },
    ]);
    expect((await client.createOrder(call)).order).toMatchObject({ state: OrderState.PLACED });
  });

  it('after the decision leaves an order whose confirms are made up for', async () => {
    const { userId, lamp, client } = await customer();
    const dying = await dyingIn('stock', 'confirm', false);
    const { order } = await (await dying.client(userId)).createOrder(request(lamp, 3));
    const orderId = order?.id ?? '';
    await expect.poll(() => shop.walletOf(userId).used).toBe(300);
    expect(shop.stockOf(lamp)).toEqual({ available: 7, held: 3, used: 0 });
    await finishOpen();
    expect(shop.stockOf(lamp)).toEqual({ available: 7, held: 0, used: 3 });
    expect(await statesOf(sql, orderId)).toEqual(['create-order COMMITTED']);
    expect((await client.getOrder({ orderId })).order).toEqual(order);
  });

  it.each([
    ['before the pivot of an update', 'charge', 'update-order ROLLED_BACK', 3],
    ['after the pivot of an update', 'refund', 'update-order COMMITTED', 1],
  ] as const)('%s leaves nothing half done', async (_, method, ending, pieces) => {
    const { userId, lamp, client } = await customer();
    const { order } = await client.createOrder(request(lamp, 3));
    const { id: orderId = '', etag = '' } = order ?? {};
    await expect.poll(() => statesOf(sql, orderId)).toEqual(['create-order COMMITTED']);
    const dying = await dyingIn('wallet', method, true);
    const lines = [{ productId: lamp, quantity: method === 'charge' ? 5 : 1 }];
    void (await dying.client(userId)).updateOrder({ orderId, etag, lines }).catch(() => {});
    await expect.poll(() => shop.walletOf(userId).used).toBe(method === 'charge' ? 500 : 100);
    await finishOpen();
    expect(await statesOf(sql, orderId)).toEqual(['create-order COMMITTED', ending]);
    expect(shop.stockOf(lamp)).toEqual({ available: 10 - pieces, held: 0, used: pieces });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000 - 100 * pieces, held: 0, used: 100 * pieces });
    expect((await client.getOrder({ orderId })).order?.total).toMatchObject({
      minorUnits: 100n * BigInt(pieces),
    });
  });

  it('in a cancellation leaves one that its repeat finishes', async () => {
    const { userId, lamp, client } = await customer();
    const { order } = await client.createOrder(request(lamp, 3));
    const orderId = order?.id ?? '';
    const dying = await dyingIn('stock', 'restock', false);
    const answer = await (await dying.client(userId)).cancelOrder({ orderId });
    expect(answer.order).toMatchObject({ state: OrderState.CANCELLED });
    expect(shop.stockOf(lamp).available).toBe(7);
    await expireLeases(sql);
    expect(await client.cancelOrder({ orderId })).toEqual(answer);
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
  });
});

describe('a process that loses its database', () => {
  it('when it decides leaves the decision to whoever finds out', async () => {
    const { userId, lamp, client } = await customer();
    const relay = await createRelay(databaseUrl);
    const cutOff = await start({
      databaseUrl: relay.url,
      peers: (peers) => ({
        ...peers,
        wallet: {
          ...peers.wallet,
          hold: async (...branch) => {
            const outcome = await peers.wallet.hold(...branch);
            await relay.cut();
            return outcome;
          },
        },
      }),
    });
    const call = request(lamp, 3);
    const failure = await failureOf((await cutOff.client(userId)).createOrder(call));
    expect(failure).toMatchObject({ code: 'Unavailable', reason: 'DATABASE_UNAVAILABLE' });
    // Not cancelled: for all it knows, the order is placed.
    expect(shop.stockOf(lamp).held).toBe(3);
    await finishOpen();
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    expect((await client.createOrder(call)).order).toMatchObject({ state: OrderState.PLACED });
  });
});

describe('a process that was only slow', () => {
  it('finds that it was overtaken, and places nothing', async () => {
    const { userId, lamp, client } = await customer();
    const wakes = Promise.withResolvers<void>();
    const slow = await start({
      peers: (peers) => ({
        ...peers,
        wallet: {
          ...peers.wallet,
          hold: async (...branch) => {
            const outcome = await peers.wallet.hold(...branch);
            await wakes.promise;
            return outcome;
          },
        },
      }),
    });
    const call = request(lamp, 3);
    const answer = (await slow.client(userId)).createOrder(call);
    await expect.poll(() => shop.walletOf(userId).held).toBe(300);
    await finishOpen();
    wakes.resolve();
    // The first attempt was rolled back, so it begins anew under the same request id.
    const { order } = await answer;
    expect(order).toMatchObject({ state: OrderState.PLACED });
    const { orders } = await client.listOrders({});
    expect(orders.map(({ state }) => state)).toEqual([OrderState.PLACED, OrderState.REJECTED]);
    await expect.poll(() => shop.stockOf(lamp)).toEqual({ available: 7, held: 0, used: 3 });
    expect(shop.walletOf(userId)).toEqual({ available: 700, held: 0, used: 300 });
  });
});

describe('recovery', () => {
  it('runs by itself, shares the work among replicas, and tells what fails', async () => {
    const { userId, lamp } = await customer();
    const dying = await dyingIn('stock', 'confirm', false);
    const client = await dying.client(userId);
    const placed = await Promise.all(Array.from({ length: 10 }, () => client.createOrder(request(lamp, 1))));
    await expect.poll(() => shop.walletOf(userId).used).toBe(1_000);
    // One call fails; whoever makes it repeats.
    shop.inject('confirmReservation', 'fail', 'lose');
    await expireLeases(sql);
    const replicas = await Promise.all([start({ recover: true }), start({ recover: true })]);
    await expect
      .poll(() => shop.stockOf(lamp), { timeout: 5_000 })
      .toEqual({ available: 0, held: 0, used: 10 });
    const admin = await survivor.client(uuidv7(), 'admin');
    const orderId = placed[0]?.order?.id ?? '';
    await expect.poll(() => statesOf(sql, orderId)).toEqual(['create-order COMMITTED']);
    const { transactions } = await admin.listTransactions({ states: [TransactionState.COMMITTED] });
    expect(transactions.some(({ lastError }) => lastError === 'UNAVAILABLE INJECTED')).toBe(true);
    await Promise.all(replicas.map((replica) => replica.stop()));
  });

  it('leaves a participant that is away alone for a while, and comes back to it', async () => {
    const { userId, lamp, client } = await customer();
    shop.inject('confirmHold', ...Array.from({ length: 30 }, () => 'fail' as const));
    const { order } = await client.createOrder(request(lamp, 1));
    const orderId = order?.id ?? '';
    const admin = await survivor.client(uuidv7(), 'admin');
    const read = async () => (await admin.listTransactions({ orderId })).transactions[0];
    await expect.poll(async () => (await read())?.lastError, { timeout: 6_000 }).toBe('UNAVAILABLE INJECTED');
    expect(await read()).toMatchObject({ state: TransactionState.COMMITTING });
    const open = { orderId, states: [TransactionState.COMMITTING, TransactionState.RUNNING] };
    expect((await admin.listTransactions(open)).transactions).toHaveLength(1);
    await expect
      .poll(() => finishOpen().then(read), { timeout: 15_000 })
      .toMatchObject({ state: TransactionState.COMMITTED });
    expect(shop.walletOf(userId)).toEqual({ available: 900, held: 0, used: 100 });
  });
});
