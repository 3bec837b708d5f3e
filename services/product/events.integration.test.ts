import { randomUUID } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import {
  StockDepletedSchema,
  file_shop_product_v1_product_events as types,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { describe, expect, test } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { publishedEvents } from '../../platform/testing/published-events.ts';
import { insertProduct } from './product-store.ts';
import { adjustStock, takeStock } from './stock-store.ts';
import { euro, failure, newProduct, putIn, testService } from './test-service.ts';

const { sql, admin, customer, order, wakes } = await testService();

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traced = { headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` } };
const ofType = (name: string, fields: object) => ({ $typeName: `shop.product.v1.${name}`, ...fields });
const named = (branchId = 'stock', transactionId = randomUUID()) => ({ transactionId, branchId });
const line = (productId: string, quantity: number) => ({ productId, quantity });

/** What was published about a product after it was made with its stock, in order. */
async function about(productId: string): Promise<unknown[]> {
  const events = await publishedEvents(sql, types);
  return events.filter(({ subject }) => subject === productId).map(({ message }) => message);
}
const depletions = async (productId: string) =>
  (await about(productId)).filter((message) =>
    (message as { $typeName: string }).$typeName.endsWith('StockDepleted'),
  );

/** Whatever the work does, there is no event of it. */
async function withoutEvents(work: () => Promise<unknown>): Promise<void> {
  const before = await publishedEvents(sql, types);
  await work();
  expect(await publishedEvents(sql, types)).toHaveLength(before.length);
}

describe('a product', () => {
  test('is told once when it is made, changed and deleted', async () => {
    const request = { requestId: randomUUID(), name: ' Lamp ', price: euro(5) };
    const made = await Promise.all([1, 2, 3].map(() => admin.products.createProduct(request)));
    const id = made[0]?.product?.id ?? '';
    const change = { id: id.toUpperCase(), name: 'Rug', price: euro(7) };
    await admin.products.updateProduct({ product: change, updateMask: { paths: ['name'] } });
    await admin.products.updateProduct({ product: change, updateMask: { paths: ['price'] } });
    await admin.products.deleteProduct({ productId: id.toUpperCase() });
    await admin.products.deleteProduct({ productId: id });
    const told = { productId: id, price: { currencyCode: 'EUR', minorUnits: 5n } };
    expect(await about(id)).toMatchObject([
      ofType('ProductCreated', { ...told, name: 'Lamp', version: 1n }),
      ofType('ProductUpdated', { ...told, name: 'Rug', version: 2n }),
      ofType('ProductUpdated', { ...told, name: 'Rug', price: { minorUnits: 7n }, version: 3n }),
      ofType('ProductDeleted', { productId: id, version: 4n }),
    ]);
  });

  test('is not told where a call fails', async () => {
    const id = await newProduct(admin);
    await withoutEvents(async () => {
      const product = { id, name: 'Rug', etag: 'v9' };
      const updateMask = { paths: ['name'] };
      await failure(admin.products.updateProduct({ product, updateMask }));
      await failure(admin.products.updateProduct({ product: { ...product, id: uuidv7() }, updateMask }));
      await failure(admin.products.deleteProduct({ productId: id, etag: 'v9' }));
      await failure(admin.products.createProduct({ requestId: randomUUID(), name: ' ', price: euro(1) }));
    });
  });

  test('is not told of where its change is undone', async () => {
    const product = { id: uuidv7(), name: 'X', description: '', price: { currency: 'EUR', minorUnits: 1n } };
    await withoutEvents(async () => {
      const work = sql.begin(async (tx) => {
        await insertProduct(tx, product);
        throw new Error('stop');
      });
      await expect(work).rejects.toThrow('stop');
    });
  });
});

describe('stock', () => {
  test('that is put in or taken out is told once, with what is available then', async () => {
    const id = await newProduct(admin, 5);
    const request = { requestId: randomUUID(), productId: id.toUpperCase(), delta: -3n };
    await Promise.all([1, 2, 3].map(() => admin.stock.adjustStock(request)));
    await withoutEvents(() => failure(putIn(admin, id, -3)));
    expect((await about(id)).slice(1)).toMatchObject([
      ofType('StockAdjusted', { productId: id, delta: 5n, available: 5n }),
      ofType('StockAdjusted', { productId: id, delta: -3n, available: 2n }),
    ]);
  });

  test('of which the last piece is taken out is depleted', async () => {
    const id = await newProduct(admin, 2);
    await putIn(admin, id, -2);
    await putIn(admin, id, 1);
    expect((await about(id)).slice(2)).toMatchObject([
      ofType('StockAdjusted', { delta: -2n, available: 0n }),
      ofType('StockDepleted', { productId: id }),
      ofType('StockAdjusted', { delta: 1n, available: 1n }),
    ]);
  });

  test.each(['reserveStock', 'take'] as const)(
    'is depleted by the %s that gets the last piece',
    async (method) => {
      const [a, b, c] = [await newProduct(admin, 3), await newProduct(admin, 3), await newProduct(admin, 3)];
      const branches = [
        { branch: named(), lines: [line(a, 2), line(b, 2)] },
        { branch: named(), lines: [line(a, 1), line(c, 3)] },
        // Refused, so that of `b` a piece is left.
        { branch: named(), lines: [line(a, 1), line(b, 1)] },
      ];
      await withoutEvents(() => order.stock[method]({ branches: branches.slice(0, 1) }));
      await order.stock[method]({ branches });
      await order.stock[method]({ branches });
      expect(await depletions(a)).toMatchObject([ofType('StockDepleted', { productId: a })]);
      expect([await depletions(b), await depletions(c)]).toMatchObject([[], [{ productId: c }]]);
    },
  );

  test('is depleted as often as it was', async () => {
    const id = await newProduct(admin, 1);
    const branch = named();
    for (let round = 0; round < 3; round++) {
      const held = named();
      await order.stock.reserveStock({ branches: [{ branch: held, lines: [line(id, 1)] }] });
      await withoutEvents(() => order.stock.cancelReservation({ branches: [held] }));
    }
    await order.stock.take({ branches: [{ branch, lines: [line(id, 1)] }] });
    await withoutEvents(() =>
      order.stock.restock({
        branches: [{ branch: { ...branch, branchId: 'undo' }, undoes: branch.branchId }],
      }),
    );
    expect(await depletions(id)).toHaveLength(4);
  });

  test('of many products that one call depletes is told of each', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => newProduct(admin, 1)));
    let woken = 0;
    const publishing = { trace: undefined, wake: () => void woken++ };
    const lines = ids.toSorted().map((id) => line(id, 1));
    await takeStock(sql, 'reserve', [{ ...named(), lines: lines.slice(0, 19) }], publishing);
    await takeStock(sql, 'reserve', [{ ...named(), lines: lines.slice(18) }], publishing);
    expect(woken).toBe(1);
    for (const { productId } of lines.slice(0, 19)) expect(await depletions(productId)).toHaveLength(1);
    expect(await depletions(lines[19]?.productId ?? '')).toHaveLength(0);
  });

  test('what the database writes of it is what the contract says', async () => {
    const id = uuidv7();
    const [row] = await sql<{ data: Buffer }[]>`select encode_stock_depleted(${id}) as data`;
    expect(fromBinary(StockDepletedSchema, row?.data ?? Buffer.of())).toEqual(
      expect.objectContaining(ofType('StockDepleted', { productId: id })),
    );
    expect(StockDepletedSchema.fields).toHaveLength(1);
  });
});

test('events of a product and of its stock are in the order of the commits', async () => {
  const id = await newProduct(admin, 1);
  const waiting = async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::integer as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return row?.n;
  };
  const calls = [
    () => admin.products.updateProduct({ product: { id, name: 'B' }, updateMask: { paths: ['name'] } }),
    () => admin.products.deleteProduct({ productId: id }),
  ];
  for (const call of calls) {
    const { later } = await sql.begin(async (tx) => {
      await adjustStock(tx, id, 1n);
      const later = call();
      await expect.poll(waiting, { timeout: 5_000, interval: 20 }).toBe(1);
      return { later };
    });
    await later;
  }
  const names = (await about(id)).map((message) =>
    (message as { $typeName: string }).$typeName.split('.').at(-1),
  );
  expect(names.slice(2)).toEqual(['StockAdjusted', 'ProductUpdated', 'StockAdjusted', 'ProductDeleted']);
});

test('an event continues the trace of the call that caused it', async () => {
  const request = { requestId: randomUUID(), name: 'Lamp', price: euro(5) };
  const id = (await admin.products.createProduct(request, traced)).product?.id ?? '';
  await admin.products.updateProduct(
    { product: { id, name: 'Rug' }, updateMask: { paths: ['name'] } },
    traced,
  );
  await admin.stock.adjustStock({ requestId: randomUUID(), productId: id, delta: 1n }, traced);
  await order.stock.reserveStock({ branches: [{ branch: named(), lines: [line(id, 1)] }] }, traced);
  await admin.products.deleteProduct({ productId: id }, traced);
  const events = (await publishedEvents(sql, types)).filter(({ subject }) => subject === id);
  expect(events.map(({ message }) => message.$typeName.split('.').at(-1))).toEqual([
    'ProductCreated',
    'ProductUpdated',
    'StockAdjusted',
    'StockDepleted',
    'ProductDeleted',
  ]);
  for (const { traceparent } of events)
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
});

test('the publisher is told after each change, and not for stock that is left', async () => {
  const woken = async (call: Promise<unknown>) => {
    const before = wakes();
    await call;
    return wakes() - before;
  };
  const productId = await newProduct(admin, 3);
  const updateMask = { paths: ['name'] };
  const take = (quantity: number) =>
    order.stock.take({ branches: [{ branch: named(), lines: [line(productId, quantity)] }] });
  expect(await woken(newProduct(admin))).toBe(1);
  expect(
    await woken(admin.products.updateProduct({ product: { id: productId, name: 'B' }, updateMask })),
  ).toBe(1);
  expect(await woken(putIn(admin, productId, -1))).toBe(1);
  expect([await woken(take(1)), await woken(take(1))]).toEqual([0, 1]);
  expect(await woken(admin.products.deleteProduct({ productId }))).toBe(1);
});

test('the events are served: to other services, and to admins who look after them', async () => {
  expect((await admin.events.listEventConsumers({})).consumers).toEqual([]);
  expect((await admin.events.rebuildCopies({ publisher: 'order' })).partitions).toBe(8);
  expect(await failure(customer.events.listEventConsumers({}))).toMatchObject({ code: 'PermissionDenied' });
  expect(await failure(admin.events.acknowledgeEvents({ partitions: [{ partition: 0 }] }))).toMatchObject({
    code: 'PermissionDenied',
  });
});

test('what is published is about products and stock, and about nobody', async () => {
  const productId = await newProduct(admin, 1);
  await order.stock.take({ branches: [{ branch: named(), lines: [line(productId, 1)] }] });
  const [row] = await sql<{ rows: string; callers: string[] }[]>`
    select (select string_agg(encode(data, 'escape'), ' ') from outbox) as rows,
      (select array_agg(distinct split_part(scope, ':', 2)) from requests) as callers`;
  expect(row?.callers.length).toBeGreaterThan(0);
  for (const caller of row?.callers ?? []) expect(row?.rows).not.toContain(caller);
  const fields = types.messages.flatMap((message) => message.fields.map(({ name }) => name));
  expect(new Set(fields)).toEqual(new Set(['product_id', 'name', 'price', 'version', 'delta', 'available']));
});

test('a change is not made without its event', async () => {
  const id = await newProduct(admin, 1);
  await sql.unsafe(`
    create or replace function no_events() returns trigger language plpgsql as 'begin raise serialization_failure; end';
    create or replace trigger no_events before insert on outbox execute function no_events()`);
  const state = () => sql`
    select (select count(*) from products) as products, (select count(*) from branches) as branches,
      (select count(*) from requests) as requests, p.name, p.deleted_at, s.available
    from products p join stock s on s.product_id = p.id where p.id = ${id}`;
  const before = await state();
  const calls = [
    admin.products.createProduct({ requestId: randomUUID(), name: 'Lamp', price: euro(5) }),
    admin.products.updateProduct({ product: { id, name: 'Rug' }, updateMask: { paths: ['name'] } }),
    admin.stock.adjustStock({ requestId: randomUUID(), productId: id, delta: 1n }),
    order.stock.take({ branches: [{ branch: named(), lines: [line(id, 1)] }] }),
    admin.products.deleteProduct({ productId: id }),
  ];
  const failures = await Promise.all(calls.map(failure));
  await sql.unsafe('drop trigger no_events on outbox');
  expect(failures.map(({ code }) => code)).toEqual(calls.map(() => 'Aborted'));
  expect(await state()).toEqual(before);
});
