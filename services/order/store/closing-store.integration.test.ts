import { describe, expect, it } from 'vitest';
import type { Sql, Transaction } from '../../../platform/db/database.ts';
import { uuidv7 } from '../../../platform/id.ts';
import { testDatabase } from '../../../platform/testing/database.ts';
import { publishedOf } from '../testing/events.ts';
import { statesOf } from '../testing/orders.ts';
import { closeOrders } from './closing-store.ts';
import { createPlacementStore, type Placement } from './placement-store.ts';

const { sql } = await testDatabase('order');
const close = (userId: string) => sql.begin((tx) => closeOrders(tx, [{ userId, traceparent: '' }]));
const namesOf = async (orderId: string) => (await publishedOf(sql, orderId)).map(({ name }) => name);

it('closes any number of orders', async () => {
  const userId = uuidv7();
  await sql`
    insert into orders (id, user_id, fingerprint, state, version, lines, currency, total)
    select gen_random_uuid(), ${userId}, '', 'PLACED', 2, '[]', 'EUR', 0 from generate_series(1, 1200)`;
  expect(await close(userId)).toHaveLength(1_200);
  const [row] = await sql`
    select count(*) filter (where state = 'CANCELLED')::integer as cancelled,
      (select count(*)::integer from outbox where type = 'shop.order.v1.OrderCancelled'
        and subject in (select id from orders where user_id = ${userId})) as published
    from orders where user_id = ${userId}`;
  expect(row).toEqual({ cancelled: 1_200, published: 1_200 });
});

describe('of a decision and a deletion at the same moment', () => {
  const line = { productId: uuidv7(), productName: 'Lamp', unitPrice: 5n, quantity: 1 };
  const store = (on: Sql | Transaction) => createPlacementStore(on as Sql);
  const pending = (userId: string): Placement => ({
    ...{ orderId: uuidv7(), transactionId: uuidv7(), userId, requestId: uuidv7(), traceparent: '' },
    ...{ fingerprint: 'ab'.repeat(32), lines: [line], currency: 'EUR', total: 5n },
  });
  const stateOf = async (orderId: string) =>
    (await sql<{ state: string }[]>`select state from orders where id = ${orderId}`)[0]?.state;
  const somebodyWaits = async () => {
    const rows = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return rows.length;
  };

  it('the deletion waits, and cancels what was placed', async () => {
    const order = pending(uuidv7());
    await store(sql).begin(order);
    let closing: Promise<string[]> | undefined;
    const placed = sql.begin(async (tx) => {
      const placedAt = await store(tx).place(order);
      closing = close(order.userId);
      await expect.poll(somebodyWaits).toBe(1);
      return placedAt;
    });
    expect(await placed).toBeInstanceOf(Date);
    expect(await closing).toEqual([order.orderId]);
    expect(await stateOf(order.orderId)).toBe('CANCELLED');
    expect(await namesOf(order.orderId)).toEqual(['OrderPlaced', 'OrderCancelled']);
    expect(await statesOf(sql, order.orderId)).toEqual([
      'create-order COMMITTING',
      'cancel-order COMMITTING',
    ]);
  });

  it('the decision waits, and finds that it was made otherwise', async () => {
    const order = pending(uuidv7());
    await store(sql).begin(order);
    let placing: Promise<Date | undefined> | undefined;
    await sql.begin(async (tx) => {
      await closeOrders(tx, [{ userId: order.userId, traceparent: '' }]);
      placing = store(sql).place(order);
      await expect.poll(somebodyWaits).toBe(1);
    });
    expect(await placing).toBeUndefined();
    expect(await stateOf(order.orderId)).toBe('REJECTED');
    expect(await namesOf(order.orderId)).toEqual(['OrderRejected']);
    expect(await statesOf(sql, order.orderId)).toEqual(['create-order ROLLING_BACK']);
  });

  it('one comes first, and neither waits for the other for ever, whatever the sequence of their locks', async () => {
    for (let round = 0; round < 12; round++) {
      const userId = uuidv7();
      const orders = Array.from({ length: 30 }, () => pending(userId));
      const placements = store(sql);
      await Promise.all(orders.map(placements.begin));
      // Two batches whose locks come one by one, in the one sequence and the other, and one whose come at once.
      const placing = [orders.slice(0, 10), orders.slice(10, 20).reverse()].map((batch) =>
        sql.begin(async (tx) => {
          for (const order of batch) await store(tx).place(order);
        }),
      );
      const batched = orders.slice(20).map(placements.place);
      const closing = close(userId);
      await Promise.all([...placing, ...batched, closing]);
      const states = new Set(await Promise.all(orders.map(({ orderId }) => stateOf(orderId))));
      expect([...states].filter((state) => state !== 'CANCELLED' && state !== 'REJECTED')).toEqual([]);
    }
  });
});
