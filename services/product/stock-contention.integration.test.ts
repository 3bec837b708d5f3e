import { randomUUID } from 'node:crypto';
import { BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import { expect, test } from 'vitest';
import type { BranchName } from '../../platform/participant/branch.ts';
import { cancelReservations, confirmReservations, restock, takeStock } from './stock-store.ts';
import { newProduct, testService } from './test-service.ts';

const { sql, admin, order } = await testService();
const { DONE, REFUSED, CONFLICT } = BranchStatus;

const line = (productId: string, quantity = 1) => ({ productId, quantity });
const named = (transactionId: string) => ({ transactionId, branchId: 'stock' });
async function stockOf(productId: string) {
  const { stock } = await admin.stock.getStock({ productId });
  return [stock?.available, stock?.held, stock?.sold].map(Number);
}
const count = <T>(values: readonly T[], value: T): number => values.filter((each) => each === value).length;

test('of 200 buyers at once of 50 pieces, 50 get one', async () => {
  const productId = await newProduct(admin, 50);
  const buy = async () => {
    const branch = named(randomUUID());
    const { results } = await order.stock.reserveStock({ branches: [{ branch, lines: [line(productId)] }] });
    return { branch, status: results[0]?.status, reason: results[0]?.reason };
  };
  const bought = await Promise.all(Array.from({ length: 200 }, buy));
  expect(
    count(
      bought.map(({ status }) => status),
      DONE,
    ),
  ).toBe(50);
  expect(
    count(
      bought.map(({ reason }) => reason),
      'INSUFFICIENT_STOCK',
    ),
  ).toBe(150);
  const held = bought.filter(({ status }) => status === DONE).map(({ branch }) => branch);
  await Promise.all(held.map((branch) => order.stock.confirmReservation({ branches: [branch] })));
  expect(await stockOf(productId)).toEqual([0, 0, 50]);
});

test('calls that overlap in opposite orders do not deadlock', async () => {
  const PIECES = 100_000;
  const ids = await Promise.all(Array.from({ length: 12 }, () => newProduct(admin, PIECES)));
  const transactions = Array.from({ length: 24 }, () => randomUUID());
  const fresh = () => Array.from({ length: 8 }, () => named(randomUUID()));
  // Straight to the store: each call is a transaction of its own, as it is between instances of the service.
  const work = Array.from({ length: 400 }, (_, n) => {
    const turn = <T>(values: readonly T[]): T[] => (n % 2 ? [...values] : values.toReversed());
    // One line for each branch, so that the order of the products is that of the branches.
    const spread = (names: readonly BranchName[]) =>
      names.map((name, i) => ({ ...name, lines: [line(turn(ids)[i % ids.length] ?? '')] }));
    const shared = turn(transactions).map(named);
    switch (n % 5) {
      case 0:
        return takeStock(sql, 'reserve', spread(shared));
      case 1:
        return takeStock(sql, 'take', spread([...fresh(), ...fresh()]));
      case 2:
        return takeStock(sql, 'reserve', spread([...fresh(), ...shared, ...fresh()]));
      case 3:
        return cancelReservations(sql, [...shared.slice(0, 12), ...fresh()]);
      default:
        return confirmReservations(sql, shared.slice(6));
    }
  });
  await Promise.all(work);
  for (const id of ids) expect((await stockOf(id)).reduce((sum, part) => sum + part, 0)).toBe(PIECES);
});

test('confirms, cancels and undos of the same products at once do not deadlock', async () => {
  const PIECES = 100_000;
  const ids = (await Promise.all(Array.from({ length: 12 }, () => newProduct(admin, PIECES)))).toSorted();
  const branches = Array.from({ length: 600 }, () => ({
    ...named(randomUUID()),
    lines: ids.filter(() => Math.random() < 0.4).map((id) => line(id)),
  }));
  const chunk = (n: number) => branches.slice(n * 3, n * 3 + 3);
  for (let n = 0; n < 200; n += 20)
    await takeStock(sql, n % 40 ? 'take' : 'reserve', branches.slice(n * 3, n * 3 + 60));
  const settle = (n: number) => {
    if (n % 40 >= 20)
      return restock(
        sql,
        chunk(n).map((branch) => ({ ...branch, branchId: 'undo', lines: [], undoes: 'stock' })),
      );
    return n % 2 ? confirmReservations(sql, chunk(n)) : cancelReservations(sql, chunk(n));
  };
  // One of each kind after the other, so that all kinds run at the same time.
  const turns = Array.from({ length: 200 }, (_, n) => (n * 21) % 200);
  for (const outcomes of await Promise.all(turns.map(settle)))
    for (const { status } of outcomes) expect(status).toBe('done');
  for (const id of ids) {
    const [available = 0, held, sold = 0] = await stockOf(id);
    const confirmed = branches.filter(
      ({ lines }, i) =>
        Math.floor(i / 3) % 40 < 20 && Math.floor(i / 3) % 2 && lines.some((l) => l.productId === id),
    );
    expect([available, held, sold]).toEqual([PIECES - confirmed.length, 0, confirmed.length]);
  }
});

test('the same branch many times at once takes effect once', async () => {
  const productId = await newProduct(admin, 100);
  const [reserved, taken] = [named(randomUUID()), named(randomUUID())];
  const repeat = <T>(call: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, call));
  const answers = await Promise.all([
    repeat(() => order.stock.reserveStock({ branches: [{ branch: reserved, lines: [line(productId, 5)] }] })),
    repeat(() => order.stock.take({ branches: [{ branch: taken, lines: [line(productId, 3)] }] })),
  ]);
  for (const { results } of answers.flat()) expect(results[0]?.status).toBe(DONE);
  expect(await stockOf(productId)).toEqual([92, 5, 3]);
  const undo = { branch: { ...taken, branchId: 'undo' }, undoes: 'stock' };
  await Promise.all([
    repeat(() => order.stock.confirmReservation({ branches: [reserved] })),
    repeat(() => order.stock.restock({ branches: [undo] })),
  ]);
  expect(await stockOf(productId)).toEqual([95, 0, 5]);
});

test('a reservation and its cancel at once leave nothing held, whichever comes first', async () => {
  const productId = await newProduct(admin, 1_000);
  const race = async () => {
    const branch = named(randomUUID());
    const [reserved, cancelled] = await Promise.all([
      order.stock.reserveStock({ branches: [{ branch, lines: [line(productId, 2)] }] }),
      order.stock.cancelReservation({ branches: [branch] }),
    ]);
    expect(cancelled.results[0]?.status).toBe(DONE);
    expect([DONE, CONFLICT]).toContain(reserved.results[0]?.status);
  };
  await Promise.all(Array.from({ length: 60 }, race));
  expect(await stockOf(productId)).toEqual([1_000, 0, 0]);
});

test('a take and its undo at once leave nothing sold', async () => {
  const productId = await newProduct(admin, 1_000);
  const race = async () => {
    const branch = named(randomUUID());
    const undo = { branch: { ...branch, branchId: 'undo' }, undoes: 'stock' };
    const [, undone] = await Promise.all([
      order.stock.take({ branches: [{ branch, lines: [line(productId, 2)] }] }),
      order.stock.restock({ branches: [undo] }),
    ]);
    expect(undone.results[0]?.status).toBe(DONE);
  };
  await Promise.all(Array.from({ length: 60 }, race));
  expect(await stockOf(productId)).toEqual([1_000, 0, 0]);
});

test('a confirm and a cancel at once: one of them wins', async () => {
  const productId = await newProduct(admin, 1_000);
  let sold = 0;
  const race = async () => {
    const branch = named(randomUUID());
    await order.stock.reserveStock({ branches: [{ branch, lines: [line(productId)] }] });
    const [confirmed, cancelled] = await Promise.all([
      order.stock.confirmReservation({ branches: [branch] }),
      order.stock.cancelReservation({ branches: [branch] }),
    ]);
    const statuses = [confirmed.results[0]?.status, cancelled.results[0]?.status];
    expect([count(statuses, DONE), count(statuses, CONFLICT)]).toEqual([1, 1]);
    if (statuses[0] === DONE) sold++;
  };
  await Promise.all(Array.from({ length: 40 }, race));
  expect(await stockOf(productId)).toEqual([1_000 - sold, 0, sold]);
});

test('a deletion and reservations at once: what was reserved is kept, nothing more is', async () => {
  const productId = await newProduct(admin, 1_000);
  const reserve = async () => {
    const { results } = await order.stock.reserveStock({
      branches: [{ branch: named(randomUUID()), lines: [line(productId)] }],
    });
    return results[0];
  };
  const before = Array.from({ length: 20 }, reserve);
  const [during] = await Promise.all([
    Promise.all(before),
    admin.products.deleteProduct({ productId }),
    ...Array.from({ length: 20 }, reserve),
  ]);
  expect(await reserve()).toMatchObject({ status: REFUSED, reason: 'PRODUCT_NOT_FOUND', subject: productId });
  const [available = 0, held = 0] = await stockOf(productId);
  expect(available + held).toBe(1_000);
  expect(held).toBeGreaterThanOrEqual(
    count(
      during.map((result) => result?.status),
      DONE,
    ),
  );
});
