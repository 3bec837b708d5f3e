import { randomUUID } from 'node:crypto';
import { OrderEventService } from '@souk/contracts/shop/order/v1/order_event_service_pb.js';
import type { Order } from '@souk/contracts/shop/order/v1/order_pb.js';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { createClient } from '../../platform/rpc/client.ts';
import { createPlacementStore, type Placement } from './store/placement-store.ts';
import { snapshotOrders } from './store/snapshot-store.ts';
import { decode, publishedOf } from './testing/events.ts';
import {
  expireLeases,
  failureOf,
  type OrderClient,
  orderShop,
  PEER_TOKEN,
  statesOf,
} from './testing/orders.ts';

const { sql, participants: shop, start } = await orderShop();
const replica = await start();

const newTrace = () => randomUUID().replaceAll('-', '');
const inTrace = (traceId: string) => ({ headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
const request = (...lines: [productId: string, quantity: number][]) => ({
  requestId: randomUUID(),
  lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
});
const place = async (client: OrderClient, ...lines: [string, number][]) =>
  (await client.createOrder(request(...lines))).order as Order;

async function customer() {
  const userId = shop.addUser(10_000);
  return {
    userId,
    client: await replica.client(userId),
    lamp: shop.addProduct(100, 10),
    rug: shop.addProduct(50, 10),
  };
}

describe('each change of an order is published once', () => {
  it('with what it was and what it is', async () => {
    const { userId, client, lamp, rug } = await customer();
    const { id: orderId, etag } = await place(client, [lamp, 3], [rug, 1]);
    await client.updateOrder({ orderId, etag, lines: [{ productId: lamp, quantity: 1 }] });
    await client.cancelOrder({ orderId });
    const events = await publishedOf(sql, orderId);
    expect(events.map(({ name }) => name)).toEqual(['OrderPlaced', 'OrderUpdated', 'OrderCancelled']);
    expect(events.map(({ message }) => message)).toMatchObject([
      {
        orderId,
        userId,
        items: [
          { productId: lamp, quantity: 3 },
          { productId: rug, quantity: 1 },
        ],
        total: { currencyCode: 'EUR', minorUnits: 350n },
        version: 2n,
      },
      {
        orderId,
        userId,
        items: [{ productId: lamp, quantity: 1 }],
        changes: expect.arrayContaining([
          expect.objectContaining({ productId: lamp, delta: -2n }),
          expect.objectContaining({ productId: rug, delta: -1n }),
        ]),
        total: { minorUnits: 100n },
        version: 3n,
      },
      { orderId, userId, items: [{ productId: lamp, quantity: 1 }], version: 4n },
    ]);
    expect(events[1]?.message.changes).toHaveLength(2);
  });

  it('and a refusal with its reason', async () => {
    const { client, lamp } = await customer();
    await failureOf(client.createOrder(request([lamp, 11])));
    const [order] = (await client.listOrders({})).orders;
    expect(await publishedOf(sql, order?.id ?? '')).toMatchObject([
      { name: 'OrderRejected', message: { orderId: order?.id, reason: 'INSUFFICIENT_STOCK', version: 2n } },
    ]);
  });

  it('and nothing else is: no repeat, no change that is none, none that was refused', async () => {
    const { client, lamp } = await customer();
    const call = request([lamp, 3]);
    const { order } = await client.createOrder(call);
    const { id: orderId, etag } = order as Order;
    await client.createOrder(call);
    await client.updateOrder({ orderId, etag, lines: call.lines });
    await failureOf(client.updateOrder({ orderId, etag, lines: [{ productId: lamp, quantity: 99 }] }));
    await failureOf(
      client.updateOrder({ orderId, etag: 'stale', lines: [{ productId: lamp, quantity: 1 }] }),
    );
    expect(await publishedOf(sql, orderId)).toHaveLength(1);
    await client.deleteOrder({ orderId });
    await client.deleteOrder({ orderId });
    expect((await publishedOf(sql, orderId)).map(({ name }) => name)).toEqual([
      'OrderPlaced',
      'OrderCancelled',
    ]);
  });

  it('of changes at the same time each that happened', async () => {
    const { client, lamp } = await customer();
    const { id: orderId, etag } = await place(client, [lamp, 2]);
    const update = (quantity: number) =>
      client.updateOrder({ orderId, etag, lines: [{ productId: lamp, quantity }] });
    await Promise.allSettled([update(1), update(3), update(4), client.cancelOrder({ orderId })]);
    const history = await sql<{ version: bigint }[]>`
      select version from order_changes where order_id = ${orderId} and version > 1 order by version`;
    const events = await publishedOf(sql, orderId);
    expect(events.map(({ message }) => message.version)).toEqual(history.map(({ version }) => version));
  });
});

it('an order that two attempts place together is published once', async () => {
  const placements = createPlacementStore(sql);
  const line = { productId: uuidv7(), productName: 'Lamp', unitPrice: 5n, quantity: 1 };
  const pending = (): Placement => ({
    ...{ orderId: uuidv7(), transactionId: uuidv7(), userId: uuidv7(), requestId: uuidv7(), traceparent: '' },
    ...{ fingerprint: 'ab'.repeat(32), lines: [line], currency: 'EUR', total: 5n },
  });
  const [one, another, twice] = [pending(), pending(), pending()];
  await Promise.all([one, another, twice].map(placements.begin));
  // The first two take both places in flight, so that the others wait and share a statement.
  const placed = await Promise.all([one, another, twice, twice].map(placements.place));
  expect(placed).toEqual([0, 1, 2, 3].map(() => expect.any(Date)));
  expect(await publishedOf(sql, twice.orderId)).toHaveLength(1);
});

it('other services follow what is published', async () => {
  const publishing = await start({ recover: true });
  const address = publishing.baseUrl.replace('http://', '');
  const product = { address, serviceName: 'product', serviceToken: PEER_TOKEN };
  const feed = createClient(OrderEventService, product);
  const partitions = [0, 1, 2, 3, 4, 5, 6, 7].map((partition) => ({ partition }));
  const { client, lamp } = await customer();
  const { id: orderId } = await place(client, [lamp, 1]);
  const seen: string[] = [];
  const following = (async () => {
    for await (const { events } of feed.followEvents({ partitions })) {
      for (const { subject, type } of events) if (subject === orderId) seen.push(type);
      if (seen.length === 2) return;
    }
  })();
  await client.cancelOrder({ orderId });
  await following;
  expect(seen).toEqual(['shop.order.v1.OrderPlaced', 'shop.order.v1.OrderCancelled']);
  feed.close();
});

describe('the trace of a call', () => {
  it('is that of its events and of the participants’ calls', async () => {
    const { client, lamp } = await customer();
    const [placed, updated, cancelled] = [newTrace(), newTrace(), newTrace()];
    const { order } = await client.createOrder(request([lamp, 3]), inTrace(placed));
    const { id: orderId, etag } = order as Order;
    await expect.poll(() => statesOf(sql, orderId)).toEqual(['create-order COMMITTED']);
    const lines = [{ productId: lamp, quantity: 1 }];
    await client.updateOrder({ orderId, etag, lines }, inTrace(updated));
    await client.cancelOrder({ orderId }, inTrace(cancelled));
    const traces = (await publishedOf(sql, orderId)).map(({ traceparent }) => traceparent.split('-')[1]);
    expect(traces).toEqual([placed, updated, cancelled]);
    for (const method of ['reserveStock', 'holdCredit', 'confirmReservation', 'confirmHold'])
      expect(shop.traces.get(method)).toContain(placed);
    for (const method of ['restock', 'refund'])
      expect(shop.traces.get(method)).toEqual(expect.arrayContaining([updated, cancelled]));
  });

  it('goes on when another process finishes what it began', async () => {
    const { userId, lamp } = await customer();
    const dying = await start({
      peers: (peers) => ({ ...peers, wallet: { ...peers.wallet, hold: () => new Promise<never>(() => {}) } }),
    });
    const trace = newTrace();
    void (await dying.client(userId)).createOrder(request([lamp, 3]), inTrace(trace)).catch(() => {});
    await expect.poll(() => shop.stockOf(lamp).held).toBe(3);
    await expireLeases(sql);
    await replica.cases.finishOpen();
    expect(shop.stockOf(lamp).held).toBe(0);
    for (const method of ['cancelReservation', 'cancelHold'])
      expect(shop.traces.get(method)).toContain(trace);
    const [{ id = '' } = {}] = await sql<{ id: string }[]>`select id from orders where user_id = ${userId}`;
    const [event] = await publishedOf(sql, id);
    expect(event).toMatchObject({ name: 'OrderRejected', message: { reason: 'INTERRUPTED' } });
    expect(event?.traceparent).toContain(trace);
  });
});

describe('a snapshot', () => {
  it('says of each placed order what it is now, in its partition, and nothing of others', async () => {
    const { client, lamp } = await customer();
    const orders: Order[] = [];
    for (let made = 0; made < 6; made++) orders.push(await place(client, [lamp, 1]));
    const [changed, cancelled, ...same] = orders as [Order, Order, ...Order[]];
    const lines = [{ productId: lamp, quantity: 2 }];
    await client.updateOrder({ orderId: changed.id, etag: changed.etag, lines });
    await client.cancelOrder({ orderId: cancelled.id });
    await failureOf(client.createOrder(request([lamp, 99])));

    const found = new Map<string, { version: bigint; items: unknown }>();
    await sql.begin(async (tx) => {
      for (let partition = 0; partition < 8; partition++) {
        for await (const page of snapshotOrders(tx, partition)) {
          for (const event of page) {
            const { name, message } = decode(event);
            expect(name).toBe('OrderPlaced');
            expect(Number.parseInt(event.subject.slice(-2), 16) % 8).toBe(partition);
            expect(found.has(event.subject)).toBe(false);
            found.set(event.subject, message as never);
          }
        }
      }
    });
    const [{ placed } = {}] =
      await sql`select count(*)::integer as placed from orders where state = 'PLACED'`;
    expect(found.size).toBe(placed);
    expect(found.get(changed.id)).toMatchObject({ version: 3n, items: [{ productId: lamp, quantity: 2 }] });
    for (const { id } of same) expect(found.get(id)).toMatchObject({ version: 2n });
    expect(found.has(cancelled.id)).toBe(false);
  });

  it('comes in pages', async () => {
    const userId = uuidv7();
    await sql`
      insert into orders (id, user_id, fingerprint, state, version, lines, currency, total)
      select gen_random_uuid(), ${userId}, '', 'PLACED', 2, '[]', 'EUR', 0 from generate_series(1, 9000)`;
    const ids: string[] = [];
    let pages = 0;
    await sql.begin(async (tx) => {
      for await (const page of snapshotOrders(tx, 3)) {
        pages++;
        ids.push(...page.map(({ subject }) => subject));
      }
    });
    const expected = await sql<{ id: string }[]>`
      select id from orders where state = 'PLACED' and event_partition(id) = 3 order by id`;
    expect(ids).toEqual(expected.map(({ id }) => id));
    expect(pages).toBeGreaterThan(2);
    await sql`delete from orders where user_id = ${userId}`;
  });
});
