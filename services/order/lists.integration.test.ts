import { randomUUID } from 'node:crypto';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { failureOf, type OrderClient, orderShop } from './testing/orders.ts';

const { participants: shop, start } = await orderShop();
const replica = await start();
const lamp = shop.addProduct(1, 100);
const [userId, other] = [shop.addUser(100), shop.addUser(100)];
let client: OrderClient;
let admin: OrderClient;
/** Newest first. */
const ids: string[] = [];

beforeAll(async () => {
  client = await replica.client(userId);
  admin = await replica.client(uuidv7(), 'admin');
  const place = async (who: OrderClient) => {
    const lines = [{ productId: lamp, quantity: 1 }];
    const { order } = await who.createOrder({ requestId: randomUUID(), lines });
    return order?.id ?? '';
  };
  for (let made = 0; made < 7; made++) ids.unshift(await place(client));
  await place(await replica.client(other));
  await client.cancelOrder({ orderId: ids[2] ?? '' });
});

/** The ids on all pages of `size`. */
async function pages(who: OrderClient, filter: object, size: number): Promise<string[][]> {
  const found: string[][] = [];
  let pageToken = '';
  do {
    const page = await who.listOrders({ ...filter, pageSize: size, pageToken });
    found.push(page.orders.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

describe('ListOrders', () => {
  it('pages through one’s own orders, newest first', async () => {
    const found = await pages(client, {}, 3);
    expect(found.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(found.flat()).toEqual(ids);
    expect((await pages(client, { userId: userId.toUpperCase() }, 7)).flat()).toEqual(ids);
  });

  it('keeps its place while orders are added', async () => {
    const first = await client.listOrders({ pageSize: 4 });
    const added = await client.createOrder({
      requestId: randomUUID(),
      lines: [{ productId: lamp, quantity: 1 }],
    });
    const rest = await client.listOrders({ pageSize: 4, pageToken: first.nextPageToken });
    expect([...first.orders, ...rest.orders].map(({ id }) => id)).toEqual(ids);
    await client.deleteOrder({ orderId: added.order?.id ?? '' });
  });

  it('filters by state', async () => {
    expect((await pages(client, { states: [OrderState.CANCELLED] }, 5)).flat()).toEqual([ids[2]]);
    const both = { states: [OrderState.PLACED, OrderState.CANCELLED] };
    expect((await pages(client, both, 2)).flat()).toEqual(ids);
  });

  it('gives an admin everybody’s, and nobody else another’s', async () => {
    expect((await pages(admin, {}, 5)).flat()).toHaveLength(8);
    expect((await pages(admin, { userId }, 5)).flat()).toEqual(ids);
    expect(await client.listOrders({ userId: other })).toMatchObject({ orders: [], nextPageToken: '' });
  });

  it('refuses another list’s page token', async () => {
    const { nextPageToken: pageToken } = await client.listOrders({ pageSize: 1 });
    const refused = { code: 'InvalidArgument', reason: 'PAGE_TOKEN_INVALID' };
    expect(await failureOf(admin.listOrders({ pageToken }))).toMatchObject(refused);
    expect(await failureOf(client.listOrders({ pageToken, states: [OrderState.PLACED] }))).toMatchObject(
      refused,
    );
    expect(await failureOf(client.listOrders({ pageToken, userId: other }))).toMatchObject(refused);
    expect(await failureOf(admin.listTransactions({ pageToken }))).toMatchObject(refused);
  });
});

describe('ListTransactions', () => {
  it('pages newest first, by order and by state', async () => {
    const orderId = ids[2] ?? '';
    const first = await admin.listTransactions({ orderId, pageSize: 1 });
    expect(first.transactions).toMatchObject([{ kind: 'cancel-order', orderId }]);
    const second = await admin.listTransactions({ orderId, pageSize: 1, pageToken: first.nextPageToken });
    expect(second).toMatchObject({ transactions: [{ kind: 'create-order' }], nextPageToken: '' });
    await expect
      .poll(
        async () => (await admin.listTransactions({ states: [TransactionState.COMMITTING] })).transactions,
      )
      .toEqual([]);
    expect(await failureOf(client.listTransactions({}))).toMatchObject({ code: 'PermissionDenied' });
  });
});
