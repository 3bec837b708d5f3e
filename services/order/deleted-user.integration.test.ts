import { randomUUID } from 'node:crypto';
import { type Order, OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { UserDeletedSchema } from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { afterEach, describe, expect, it } from 'vitest';
import { createConsumer } from '../../platform/events/consumer/consumer.ts';
import { uuidv7 } from '../../platform/id.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { childSpan } from '../../platform/telemetry/trace.ts';
import { closeOrders } from './store/closing-store.ts';
import { createSubscriptions } from './subscriptions.ts';
import { publishedOf } from './testing/events.ts';
import { failureOf, type OrderClient, orderShop, type Replica, statesOf } from './testing/orders.ts';

const { sql, participants: shop, userEvents, productEvents, start } = await orderShop();
const replica = await start();
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
afterEach(() => expect([...shop.stock.wrongs, ...shop.wallets.wrongs]).toEqual([]));

/** What the event's handler does, in a transaction of its own. */
const close = (...userIds: string[]) =>
  sql.begin((tx) =>
    closeOrders(
      tx,
      userIds.map((userId) => ({ userId, traceparent: TRACE })),
    ),
  );
const request = (productId: string, quantity: number) => ({
  requestId: randomUUID(),
  lines: [{ productId, quantity }],
});
const place = async (client: OrderClient, productId: string, quantity: number) =>
  (await client.createOrder(request(productId, quantity))).order as Order;
const namesOf = async (orderId: string) => (await publishedOf(sql, orderId)).map(({ name }) => name);

async function customer(on: Replica = replica) {
  const userId = shop.addUser(1_000);
  const client = await on.client(userId);
  const admin = await on.client(uuidv7(), 'admin');
  const read = async (orderId: string) => (await admin.getOrder({ orderId })).order as Order;
  return { userId, client, read, lamp: shop.addProduct(100, 10) };
}

/** A replica whose holds take effect and are then not answered until `wake`. */
async function slowReplica() {
  const { promise, resolve: wake } = Promise.withResolvers<void>();
  const slow = await start({
    peers: (peers) => ({
      ...peers,
      wallet: {
        ...peers.wallet,
        hold: async (...branch) => {
          const outcome = await peers.wallet.hold(...branch);
          await promise;
          return outcome;
        },
      },
    }),
  });
  return { slow, wake };
}

describe('when an account is deleted', () => {
  it('its placed orders are cancelled, by whoever looks next', async () => {
    const { userId, client, read, lamp } = await customer();
    const orders = [await place(client, lamp, 2), await place(client, lamp, 3), await place(client, lamp, 1)];
    const [first, , last] = orders as [Order, Order, Order];
    await client.cancelOrder({ orderId: first.id });
    const lines = [{ productId: lamp, quantity: 4 }];
    await client.updateOrder({ orderId: last.id, etag: last.etag, lines });
    expect((await close(userId)).length).toBe(2);

    // No lease has to run out, so this is all that is left to do if the process died here.
    await replica.cases.finishOpen();
    for (const { id } of orders) {
      expect(await read(id)).toMatchObject({ state: OrderState.CANCELLED, rejectReason: '' });
      expect((await statesOf(sql, id)).at(-1)).toBe('cancel-order COMMITTED');
      expect((await namesOf(id)).filter((name) => name === 'OrderCancelled')).toHaveLength(1);
    }
    const events = await publishedOf(sql, last.id);
    expect(events.at(-1)).toMatchObject({
      message: { userId, items: [{ productId: lamp, quantity: 4 }], version: 4n },
      traceparent: TRACE,
    });
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
  });

  it('and not those of others, nor is it done twice, nor by half', async () => {
    const [one, other] = [await customer(), await customer()];
    const [order, others] = [await place(one.client, one.lamp, 1), await place(other.client, other.lamp, 1)];
    const failed = sql.begin(async (tx) => {
      await closeOrders(tx, [{ userId: one.userId, traceparent: '' }]);
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    expect(await one.read(order.id)).toEqual(order);
    expect(await namesOf(order.id)).toEqual(['OrderPlaced']);
    expect(await close(one.userId)).toEqual([order.id]);
    expect(await close(one.userId)).toEqual([]);
    expect(await namesOf(order.id)).toEqual(['OrderPlaced', 'OrderCancelled']);
    expect(await other.read(others.id)).toEqual(others);
    await replica.cases.finishOpen();
  });
});

describe('an order that is being placed when its account is deleted', () => {
  it('is rejected, and whoever places it finds that', async () => {
    const { userId, read, lamp } = await customer();
    const { slow, wake } = await slowReplica();
    const call = request(lamp, 3);
    const answer = failureOf((await slow.client(userId)).createOrder(call));
    await expect.poll(() => shop.walletOf(userId).held).toBe(300);
    shop.deleteUser(userId);
    const [orderId = ''] = await close(userId);
    // Here the process that was told of it may die: what is left to do is in the log, and nobody's.
    await replica.cases.finishOpen();
    expect(await read(orderId)).toMatchObject({ state: OrderState.REJECTED, rejectReason: 'USER_DELETED' });
    expect(await statesOf(sql, orderId)).toEqual(['create-order ROLLED_BACK']);
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    wake();
    const refusal = { code: 'FailedPrecondition', reason: 'USER_DELETED' };
    expect(await answer).toMatchObject(refusal);
    expect(await failureOf((await replica.client(userId)).createOrder(call))).toMatchObject(refusal);
    expect(await publishedOf(sql, orderId)).toMatchObject([
      { name: 'OrderRejected', message: { reason: 'USER_DELETED', version: 2n }, traceparent: TRACE },
    ]);
  });

  it('or gets no credit, when it came after', async () => {
    const { userId, client, lamp } = await customer();
    shop.deleteUser(userId);
    for (const price of [100, 0]) {
      const product = price === 100 ? lamp : shop.addProduct(0, 1);
      expect(await failureOf(client.createOrder(request(product, 1)))).toMatchObject({
        reason: 'INSUFFICIENT_CREDIT',
      });
      expect(shop.stockOf(product).held).toBe(0);
    }
    expect(await close(userId)).toEqual([]);
  });

  it('of a change under way nothing is left', async () => {
    const { userId, client, read, lamp } = await customer();
    const { id: orderId, etag } = await place(client, lamp, 1);
    const wakes = Promise.withResolvers<void>();
    shop.inject('charge', wakes.promise);
    const lines = [{ productId: lamp, quantity: 5 }];
    const answer = failureOf(client.updateOrder({ orderId, etag, lines }));
    await expect.poll(() => shop.stockOf(lamp).used).toBe(5);
    await close(userId);
    wakes.resolve();
    expect(await answer).toMatchObject({ code: 'FailedPrecondition', reason: 'ORDER_NOT_PLACED' });
    await replica.cases.finishOpen();
    await expect
      .poll(() => statesOf(sql, orderId))
      .toEqual(expect.arrayContaining(['update-order ROLLED_BACK', 'cancel-order COMMITTED']));
    expect(await read(orderId)).toMatchObject({ state: OrderState.CANCELLED });
    expect(shop.stockOf(lamp)).toEqual({ available: 10, held: 0, used: 0 });
    expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
  });
});

describe('the event of a deletion', () => {
  it('has the work begin once the decisions are committed', async () => {
    const { userId, client, lamp } = await customer();
    const { id: orderId } = await place(client, lamp, 1);
    const told: { orderId: string; state: string | undefined }[] = [];
    const closed = async ([closedId = '']: ReadonlySet<string>) => {
      const rows = await sql<{ state: string }[]>`select state from orders where id = ${closedId}`;
      told.push({ orderId: closedId, state: rows[0]?.state });
    };
    const subscriptions = createSubscriptions({
      displayNames: { read: async () => new Map() },
      closed: (orderIds) => void closed(orderIds),
    });
    const sources = new Map([
      ['user', userEvents],
      ['product', productEvents],
    ]);
    const log = createLogger({ service: 'order', instance: 'test', level: 'silent' });
    const { registry } = createMetrics({ process: false });
    const consumer = createConsumer({ sql, instance: 'test', subscriptions, sources, log, registry });
    consumer.start(new AbortController().signal);
    userEvents.publish(UserDeletedSchema, userId, { userId, version: 2n });
    await expect.poll(() => told, { timeout: 10_000 }).toEqual([{ orderId, state: 'CANCELLED' }]);
    await consumer.stop();
    await replica.cases.finishOpen();
  });

  it('closes orders that are placed at the same time, however their processes fare', async () => {
    const replicas = [await start({ recover: true }), await start({ recover: true })] as const;
    const lamp = shop.addProduct(10, 1_000);
    const users = Array.from({ length: 12 }, () => shop.addUser(1_000));
    await Promise.all(
      users.map(async (userId, n) => {
        const [mine, another] = [n % 2, (n + 1) % 2].map((place) => replicas[place as 0 | 1]);
        const client = await (mine as Replica).client(userId);
        const orders = Array.from({ length: 6 }, (_, made) =>
          place(client, lamp, 1 + (made % 3)).catch(() => undefined),
        );
        if (n % 3 === 0) await orders[0];
        if (n % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
        if (n % 4 === 3) return Promise.all(orders);
        shop.deleteUser(userId);
        userEvents.publish(UserDeletedSchema, userId, { userId, version: 2n }, childSpan(undefined));
        if (n === 5) await (another as Replica).stop();
        return Promise.all(orders);
      }),
    );
    const gone = users.filter((_, n) => n % 4 !== 3);
    const open = () => sql`
      select state from orders where user_id = any (${gone}::uuid[]) and state in ('PLACED', 'PENDING')`;
    await expect.poll(open, { timeout: 20_000 }).toEqual([]);
    const unfinished = () => sql`select kind, state from transactions where open and kind <> 'test'`;
    await expect.poll(unfinished, { timeout: 20_000 }).toEqual([]);
    const [left] = await sql`
      select coalesce(sum((line ->> 'quantity')::integer), 0)::integer as pieces
      from orders, jsonb_array_elements(lines) as line where state = 'PLACED' and line ->> 'productId' = ${lamp}`;
    expect(shop.stockOf(lamp)).toEqual({ available: 1_000 - left?.pieces, held: 0, used: left?.pieces });
    for (const userId of gone) expect(shop.walletOf(userId)).toEqual({ available: 1_000, held: 0, used: 0 });
    const wrong = await sql`
      select order_id from order_changes c
      where version > 1 and state = 'CANCELLED' and (
        select count(*) from (
          select subject from outbox where type = 'shop.order.v1.OrderCancelled'
          union all select subject from events where type = 'shop.order.v1.OrderCancelled'
        ) told where subject = c.order_id
      ) <> 1`;
    expect(wrong).toEqual([]);
  });
});
