import { randomUUID } from 'node:crypto';
import { BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import { describe, expect, test } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { failure, newProduct, putIn, testService } from './test-service.ts';

const { admin, order, metrics } = await testService();
const { DONE, REFUSED, CONFLICT } = BranchStatus;

type Lines = Record<string, number>;
const named = (transactionId: string, branchId = 'stock') => ({ transactionId, branchId });
const toLines = (lines: Lines) =>
  Object.entries(lines).map(([productId, quantity]) => ({ productId, quantity }));
const branch = (transactionId: string, lines: Lines, branchId?: string) => ({
  branch: named(transactionId, branchId),
  lines: toLines(lines),
});

/** The one result of a call, as status and reason. */
async function only(call: Promise<{ results: { status: BranchStatus; reason: string }[] }>) {
  const { results } = await call;
  expect(results).toHaveLength(1);
  return [results[0]?.status, results[0]?.reason];
}
const reserve = (tx: string, lines: Lines) =>
  only(order.stock.reserveStock({ branches: [branch(tx, lines)] }));
const confirm = (tx: string) => only(order.stock.confirmReservation({ branches: [named(tx)] }));
const cancel = (tx: string) => only(order.stock.cancelReservation({ branches: [named(tx)] }));
const take = (tx: string, lines: Lines) => only(order.stock.take({ branches: [branch(tx, lines)] }));
const restock = (tx: string, lines: Lines, name = 'back') =>
  only(order.stock.restock({ branches: [branch(tx, lines, name)] }));
const undo = (tx: string, undoes = 'stock', name = 'undo') =>
  only(order.stock.restock({ branches: [{ branch: named(tx, name), undoes }] }));
async function stockOf(productId: string) {
  const { stock } = await admin.stock.getStock({ productId });
  return [stock?.available, stock?.held, stock?.sold].map(Number);
}

describe('AdjustStock', () => {
  test('puts in and takes out, once for each request id', async () => {
    const productId = await newProduct(admin);
    const asked = { requestId: randomUUID(), productId, delta: 7n };
    const answers = await Promise.all(Array.from({ length: 6 }, () => admin.stock.adjustStock(asked)));
    for (const { stock } of answers)
      expect(stock).toMatchObject({ productId, available: 7n, held: 0n, sold: 0n });
    await admin.stock.adjustStock({ requestId: randomUUID(), productId, delta: -7n });
    expect(await stockOf(productId)).toEqual([0, 0, 0]);
    expect(await failure(admin.stock.adjustStock({ ...asked, delta: 8n }))).toMatchObject({
      code: 'AlreadyExists',
    });
  });

  test('refuses to go below zero or above 10^12, and unknown or deleted products', async () => {
    const productId = await newProduct(admin, 3);
    const adjust = (delta: bigint, id = productId) =>
      failure(admin.stock.adjustStock({ requestId: randomUUID(), productId: id, delta }));
    const refused = { code: 'FailedPrecondition', reason: 'INSUFFICIENT_STOCK' };
    expect(await adjust(-4n)).toMatchObject(refused);
    for (const delta of [0n, 10n ** 9n + 1n, -(10n ** 9n) - 1n])
      expect(await adjust(delta)).toMatchObject({ code: 'InvalidArgument', fields: ['delta'] });
    expect(await adjust(1n, uuidv7())).toMatchObject({ code: 'NotFound', reason: 'PRODUCT_NOT_FOUND' });
    expect(await failure(admin.stock.getStock({ productId: uuidv7() }))).toMatchObject({ code: 'NotFound' });
    await admin.products.deleteProduct({ productId });
    expect(await adjust(1n)).toMatchObject({ code: 'NotFound' });
    expect(await stockOf(productId)).toEqual([3, 0, 0]);
  });

  test('a refused request id may be used again', async () => {
    const productId = await newProduct(admin);
    const asked = { requestId: randomUUID(), productId, delta: -2n };
    await failure(admin.stock.adjustStock(asked));
    await putIn(admin, productId, 2);
    await admin.stock.adjustStock(asked);
    expect(await stockOf(productId)).toEqual([0, 0, 0]);
  });
});

describe('a reservation', () => {
  test('is held, then sold; each step may be repeated', async () => {
    const [a, b] = [await newProduct(admin, 10), await newProduct(admin, 10)];
    const tx = randomUUID();
    const lines = { [a]: 4, [b]: 1 };
    expect(await reserve(tx, lines)).toEqual([DONE, '']);
    expect(await reserve(tx, { [b.toUpperCase()]: 1, [a]: 4 })).toEqual([DONE, '']);
    expect(await stockOf(a)).toEqual([6, 4, 0]);
    expect(await confirm(tx)).toEqual([DONE, '']);
    expect(await confirm(tx)).toEqual([DONE, '']);
    expect(await reserve(tx, lines)).toEqual([DONE, '']);
    expect(await cancel(tx)).toEqual([CONFLICT, 'BRANCH_CONFIRMED']);
    expect([await stockOf(a), await stockOf(b)]).toEqual([
      [6, 0, 4],
      [9, 0, 1],
    ]);
  });

  test('that is cancelled gives back, and stays cancelled', async () => {
    const a = await newProduct(admin, 10);
    const tx = randomUUID();
    await reserve(tx, { [a]: 4 });
    expect(await cancel(tx)).toEqual([DONE, '']);
    expect(await cancel(tx)).toEqual([DONE, '']);
    expect(await confirm(tx)).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await reserve(tx, { [a]: 4 })).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await stockOf(a)).toEqual([10, 0, 0]);
  });

  test('that comes after its cancel is a conflict', async () => {
    const a = await newProduct(admin, 10);
    const tx = randomUUID();
    expect(await cancel(tx)).toEqual([DONE, '']);
    expect(await reserve(tx, { [a]: 1 })).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await stockOf(a)).toEqual([10, 0, 0]);
  });

  test('takes all lines or none; a refusal stays one, also when stock comes', async () => {
    const [a, b] = [await newProduct(admin, 10), await newProduct(admin, 1)];
    const tx = randomUUID();
    const branches = [branch(tx, { [a]: 1, [b]: 2 })];
    const refused = { status: REFUSED, reason: 'INSUFFICIENT_STOCK', subject: b };
    expect((await order.stock.reserveStock({ branches })).results).toMatchObject([refused]);
    await putIn(admin, b, 5);
    expect((await order.stock.reserveStock({ branches })).results).toMatchObject([refused]);
    expect(await confirm(tx)).toEqual([CONFLICT, 'BRANCH_UNKNOWN']);
    expect(await cancel(tx)).toEqual([DONE, '']);
    expect(await reserve(tx, { [a]: 1, [b]: 2 })).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await stockOf(a)).toEqual([10, 0, 0]);
  });

  test('of an unknown or deleted product is refused by its name', async () => {
    const [known, deleted, unknown] = [await newProduct(admin, 5), await newProduct(admin, 5), uuidv7()];
    await admin.products.deleteProduct({ productId: deleted });
    for (const id of [deleted, unknown]) {
      const { results } = await order.stock.reserveStock({
        branches: [branch(randomUUID(), { [known]: 1, [id]: 1 })],
      });
      expect(results).toMatchObject([{ status: REFUSED, reason: 'PRODUCT_NOT_FOUND', subject: id }]);
    }
    expect(await stockOf(known)).toEqual([5, 0, 0]);
  });

  test('of a product that is deleted meanwhile is confirmed or cancelled all the same', async () => {
    const a = await newProduct(admin, 5);
    const [x, y] = [randomUUID(), randomUUID()];
    await reserve(x, { [a]: 1 });
    await reserve(y, { [a]: 2 });
    await admin.products.deleteProduct({ productId: a });
    expect(await confirm(x)).toEqual([DONE, '']);
    expect(await cancel(y)).toEqual([DONE, '']);
    expect(await stockOf(a)).toEqual([4, 0, 1]);
  });

  test('with another body, or never made, is a conflict', async () => {
    const a = await newProduct(admin, 10);
    const tx = randomUUID();
    await reserve(tx, { [a]: 1 });
    expect(await reserve(tx, { [a]: 2 })).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await take(tx, { [a]: 1 })).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await confirm(randomUUID())).toEqual([CONFLICT, 'BRANCH_UNKNOWN']);
    expect(await stockOf(a)).toEqual([9, 1, 0]);
  });
});

describe('a take', () => {
  test('is sold at once, and undone once', async () => {
    const a = await newProduct(admin, 10);
    const tx = randomUUID();
    expect(await take(tx, { [a]: 4 })).toEqual([DONE, '']);
    expect(await take(tx, { [a]: 4 })).toEqual([DONE, '']);
    expect(await take(tx, { [a]: 5 })).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await confirm(tx)).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await cancel(tx)).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await stockOf(a)).toEqual([6, 0, 4]);
    expect(await undo(tx)).toEqual([DONE, '']);
    expect(await undo(tx)).toEqual([DONE, '']);
    expect(await undo(tx, 'stock', 'undo-again')).toEqual([DONE, '']);
    expect(await take(tx, { [a]: 4 })).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await stockOf(a)).toEqual([10, 0, 0]);
  });

  test('that comes after its undo is a conflict, and a refused one can be undone', async () => {
    const a = await newProduct(admin, 1);
    const [late, refused] = [randomUUID(), randomUUID()];
    expect(await undo(late)).toEqual([DONE, '']);
    expect(await take(late, { [a]: 1 })).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await take(refused, { [a]: 2 })).toEqual([REFUSED, 'INSUFFICIENT_STOCK']);
    expect(await undo(refused)).toEqual([DONE, '']);
    expect(await take(refused, { [a]: 2 })).toEqual([CONFLICT, 'BRANCH_CANCELLED']);
    expect(await stockOf(a)).toEqual([1, 0, 0]);
  });

  test('undoing what is no take is a conflict that leaves no trace', async () => {
    const a = await newProduct(admin, 5);
    const tx = randomUUID();
    await reserve(tx, { [a]: 2 });
    expect(await undo(tx, 'stock')).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await undo(tx, 'undo')).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await confirm(tx)).toEqual([DONE, '']);
    // The name is still free.
    expect(await restock(tx, { [a]: 1 }, 'undo')).toEqual([DONE, '']);
    // A mismatch leaves no mark of the take that it names.
    expect(await undo(tx, 'later', 'undo')).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    const branches = [branch(tx, { [a]: 1 }, 'later')];
    expect(await only(order.stock.take({ branches }))).toEqual([DONE, '']);
    expect(await stockOf(a)).toEqual([3, 0, 2]);
  });
});

describe('a restock', () => {
  test('gives back what was sold, once, also of a deleted product', async () => {
    const a = await newProduct(admin, 10);
    const tx = randomUUID();
    await take(tx, { [a]: 4 });
    await admin.products.deleteProduct({ productId: a });
    expect(await restock(tx, { [a]: 3 })).toEqual([DONE, '']);
    expect(await restock(tx, { [a]: 3 })).toEqual([DONE, '']);
    expect(await restock(tx, { [a]: 1 })).toEqual([CONFLICT, 'BRANCH_MISMATCH']);
    expect(await stockOf(a)).toEqual([9, 0, 1]);
  });

  test('of more than was sold, or of an unknown product, is refused', async () => {
    const a = await newProduct(admin, 10);
    const tx = randomUUID();
    await take(tx, { [a]: 2 });
    expect(await restock(tx, { [a]: 3 })).toEqual([REFUSED, 'INSUFFICIENT_STOCK']);
    expect(await restock(tx, { [uuidv7()]: 1 }, 'other')).toEqual([REFUSED, 'PRODUCT_NOT_FOUND']);
    expect(await restock(tx, { [a]: 2 }, 'again')).toEqual([DONE, '']);
    // Undoing the take now would give the same pieces back twice.
    expect(await undo(tx)).toEqual([REFUSED, 'INSUFFICIENT_STOCK']);
    expect(await stockOf(a)).toEqual([10, 0, 0]);
  });
});

describe('a call of many branches', () => {
  test('answers each in its order, and each finds what those before it left', async () => {
    const a = await newProduct(admin, 5);
    const [x, y, z] = [randomUUID(), randomUUID(), randomUUID()];
    const { results } = await order.stock.reserveStock({
      branches: [
        branch(z, { [a]: 3 }),
        branch(y, { [a]: 3 }),
        branch(x, { [a]: 2 }),
        branch(z, { [a]: 3 }),
        branch(y, { [a]: 3 }),
        branch(x, { [a]: 1 }),
      ],
    });
    expect(results.map(({ status }) => status)).toEqual([DONE, REFUSED, DONE, DONE, REFUSED, CONFLICT]);
    expect(await stockOf(a)).toEqual([0, 5, 0]);
    const settled = await order.stock.confirmReservation({
      branches: [named(x), named(y), named(z), named(x)],
    });
    expect(settled.results.map(({ status }) => status)).toEqual([DONE, CONFLICT, DONE, DONE]);
    const cancelled = await order.stock.cancelReservation({ branches: [named(y), named(x), named(y)] });
    expect(cancelled.results.map(({ reason }) => reason)).toEqual(['', 'BRANCH_CONFIRMED', '']);
    expect(await stockOf(a)).toEqual([0, 0, 5]);
  });

  test('undoes a take once, whoever asks', async () => {
    const a = await newProduct(admin, 5);
    const tx = randomUUID();
    await take(tx, { [a]: 2 });
    const { results } = await order.stock.restock({
      branches: ['undo-a', 'undo-b', 'undo-a'].map((name) => ({ branch: named(tx, name), undoes: 'stock' })),
    });
    expect(results.map(({ status }) => status)).toEqual([DONE, DONE, DONE]);
    expect(await stockOf(a)).toEqual([5, 0, 0]);
  });

  test('of 256 branches with many lines is done in time', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, () => newProduct(admin, 10_000)));
    const branches = Array.from({ length: 256 }, () =>
      branch(randomUUID(), Object.fromEntries(ids.map((id) => [id, 2]))),
    );
    const { results } = await order.stock.reserveStock({ branches });
    expect(results.every(({ status }) => status === DONE)).toBe(true);
    await order.stock.confirmReservation({ branches: branches.map((each) => each.branch) });
    for (const id of ids.slice(0, 3)) expect(await stockOf(id)).toEqual([10_000 - 512, 0, 512]);
  });
});

test('two lines of one product are refused, whatever the case of their ids', async () => {
  const a = await newProduct(admin, 5);
  const branches = [branch(randomUUID(), { [a]: 1, [a.toUpperCase()]: 1 })];
  expect(await failure(order.stock.reserveStock({ branches }))).toMatchObject({
    code: 'InvalidArgument',
    fields: ['branches[0].lines'],
  });
});

test('conflicts are counted by method and reason', async () => {
  const count = async () =>
    (await metrics.registry.getSingleMetric('souk_participant_conflicts_total')?.get())?.values.find(
      ({ labels }) =>
        labels.souk_transaction_step === 'ConfirmReservation' && labels.souk_reason === 'BRANCH_UNKNOWN',
    )?.value ?? 0;
  const before = await count();
  await confirm(randomUUID());
  expect(await count()).toBe(before + 1);
});
