import { randomUUID } from 'node:crypto';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { failureOf, type OrderClient, orderShop } from './testing/orders.ts';

const { sql, participants: shop, start } = await orderShop();
const [here, there] = await Promise.all([start(), start()]);
const { PENDING, PLACED, CANCELLED, REJECTED } = OrderState;

/** A customer's clients on both replicas, and an order of 3 lamps at 100. */
async function customer() {
  const userId = shop.addUser(1_000);
  const [client, remote] = await Promise.all([here.client(userId), there.client(userId)]);
  const lamp = shop.addProduct(100, 10);
  const { order } = await client.createOrder({
    requestId: randomUUID(),
    lines: [{ productId: lamp, quantity: 3 }],
  });
  const { id: orderId = '', etag = '' } = order ?? {};
  const update = (tag: string, quantity: number) =>
    client.updateOrder({ orderId, etag: tag, lines: [{ productId: lamp, quantity }] });
  return { userId, client, remote, lamp, orderId, etag, update };
}

/** Reads a stream into `seen`; `ended` tells how it ended. */
function watch(client: OrderClient, orderId: string, afterVersion = 0n, signal?: AbortSignal) {
  const seen: [version: bigint, state: OrderState][] = [];
  const ended = (async () => {
    const options = signal === undefined ? {} : { signal };
    for await (const { change } of client.watchOrder({ orderId, afterVersion }, options)) {
      expect(change?.orderId).toBe(orderId);
      if (change) seen.push([change.version, change.state]);
    }
  })();
  ended.catch(() => {});
  return { seen, ended };
}

describe('WatchOrder', () => {
  it('tells what happened and what happens, on whichever replica, until the end', async () => {
    const { client, remote, orderId, etag, update } = await customer();
    const watches = [watch(client, orderId), watch(remote, orderId), watch(remote, orderId, 2n)];
    await expect
      .poll(() => watches[1]?.seen)
      .toEqual([
        [1n, PENDING],
        [2n, PLACED],
      ]);
    await update(etag, 4);
    // Well before the 15 s after which everybody looks anyway.
    await expect
      .poll(() => watches.map(({ seen }) => seen.at(-1)), { timeout: 2_000 })
      .toEqual([
        [3n, PLACED],
        [3n, PLACED],
        [3n, PLACED],
      ]);
    await remote.cancelOrder({ orderId });
    await Promise.all(watches.map(({ ended }) => ended));
    expect(watches[0]?.seen).toEqual([
      [1n, PENDING],
      [2n, PLACED],
      [3n, PLACED],
      [4n, CANCELLED],
    ]);
    expect(watches[1]?.seen).toEqual(watches[0]?.seen);
    expect(watches[2]?.seen).toEqual(watches[0]?.seen.slice(2));
  });

  it('goes on after a version, and ends at once when nothing can follow', async () => {
    const { client, orderId, etag, update } = await customer();
    await update(etag, 4);
    await client.cancelOrder({ orderId });
    const readAfter = async (version: bigint) => {
      const { seen, ended } = watch(client, orderId, version);
      await ended;
      return seen.map(([number]) => number);
    };
    expect(await readAfter(0n)).toEqual([1n, 2n, 3n, 4n]);
    expect(await readAfter(3n)).toEqual([4n]);
    expect(await readAfter(4n)).toEqual([]);
    expect(await readAfter(99n)).toEqual([]);
  });

  it('tells a change to whoever claims to have seen a later version', async () => {
    const { client, orderId } = await customer();
    const { seen, ended } = watch(client, orderId, 99n);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await client.deleteOrder({ orderId });
    await ended;
    expect(seen).toEqual([[3n, CANCELLED]]);
  });

  it('tells a rejection', async () => {
    const { client, lamp } = await customer();
    const lines = [{ productId: lamp, quantity: 100 }];
    await failureOf(client.createOrder({ requestId: randomUUID(), lines }));
    const { orders } = await client.listOrders({ states: [REJECTED] });
    const { seen, ended } = watch(client, orders[0]?.id ?? '');
    await ended;
    expect(seen).toEqual([
      [1n, PENDING],
      [2n, REJECTED],
    ]);
  });

  it('is not for strangers, and ends with its client', async () => {
    const { client, orderId } = await customer();
    const stranger = await here.client(uuidv7());
    expect(await failureOf(watch(stranger, orderId).ended)).toMatchObject({ code: 'NotFound' });
    const leave = new AbortController();
    const { ended, seen } = watch(client, orderId, 0n, leave.signal);
    await expect.poll(() => seen.length).toBe(2);
    leave.abort();
    expect(await failureOf(ended)).toMatchObject({ code: 'Canceled' });
  });

  it('ends with UNAVAILABLE when its replica stops, and goes on elsewhere', async () => {
    const { client, orderId, userId } = await customer();
    const leaving = await start();
    const { ended, seen } = watch(await leaving.client(userId), orderId);
    await expect.poll(() => seen.length).toBe(2);
    const failed = failureOf(ended);
    await leaving.stop();
    expect(await failed).toMatchObject({ code: 'Unavailable', reason: 'SERVER_DRAINING' });
    const next = watch(client, orderId, seen.at(-1)?.[0]);
    await client.cancelOrder({ orderId });
    await next.ended;
    expect(next.seen).toEqual([[3n, CANCELLED]]);
  });

  it('hears again after its connection was cut, and catches up', async () => {
    const { client, remote, orderId, etag, update } = await customer();
    const { seen, ended } = watch(remote, orderId);
    await expect.poll(() => seen.length).toBe(2);
    const cut = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like 'listen %'`;
    expect(cut).toHaveLength(2);
    await update(etag, 4);
    await expect.poll(() => seen.at(-1), { timeout: 3_000 }).toEqual([3n, PLACED]);
    await client.cancelOrder({ orderId });
    await ended;
    expect(seen.at(-1)).toEqual([4n, CANCELLED]);
  });

  it('serves many watchers of one order', async () => {
    const { client, remote, orderId } = await customer();
    const watches = Array.from({ length: 300 }, () => watch(remote, orderId, 2n));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await client.cancelOrder({ orderId });
    await Promise.all(watches.map(({ ended }) => ended));
    expect(watches.every(({ seen }) => seen.length === 1)).toBe(true);
  });
});
