import { randomUUID } from 'node:crypto';
import { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../platform/telemetry/log.ts';
import { testCoordinator } from '../../platform/testing/coordinator.ts';
import { followOrders } from './coordinator.ts';
import { newProduct, testService } from './test-service.ts';

const { sql, admin, order, participant } = await testService();
const coordinator = await testCoordinator();
const log = createLogger({ service: 'product', instance: 'test', level: 'silent' });

/** Follows the coordinator until the test ends, as `replicas` processes. */
function follow({ replicas = 1, token = coordinator.token } = {}): void {
  const stopping = new AbortController();
  const config = { ORDER_ADDRESS: coordinator.address, SERVICE_TOKEN: token, TRY_TIMEOUT_S: 30 };
  const loops = Array.from({ length: replicas }, () =>
    followOrders(config, sql, participant, log, stopping.signal, 50),
  );
  onTestFinished(async () => {
    stopping.abort();
    // Else it would claim what the next test makes.
    await Promise.all(loops);
  });
}

/** Reserves two pieces, so long ago that it is time to ask. */
async function hangingReservation(productId: string): Promise<string> {
  const transactionId = randomUUID();
  await order.stock.reserveStock({
    branches: [{ branch: { transactionId, branchId: 'stock' }, lines: [{ productId, quantity: 2 }] }],
  });
  await makeDue(transactionId, 31);
  return transactionId;
}

async function makeDue(transactionId: string, seconds: number): Promise<void> {
  await sql`
    update branches set created_at = now() - ${seconds}::integer * interval '1 second',
      waiting_since = now() - ${seconds}::integer * interval '1 second'
    where transaction_id = ${transactionId}`;
}

async function stateOf(transactionId: string): Promise<unknown> {
  const [row] = await sql`select state from branches where transaction_id = ${transactionId}`;
  return row?.state;
}

async function stockOf(productId: string) {
  const { stock } = await admin.stock.getStock({ productId });
  return [stock?.available, stock?.held, stock?.sold].map(Number);
}

const timesAsked = (id: string): number => coordinator.asked.filter((asked) => asked === id).length;

async function inquiries(answer: string): Promise<number> {
  const { values } = await participant.inquiries.get();
  return values.find(({ labels }) => labels.souk_participant_answer === answer)?.value ?? 0;
}

test.each([
  ['COMMITTING', 'CONFIRMED', [3, 0, 2]],
  ['COMMITTED', 'CONFIRMED', [3, 0, 2]],
  ['ROLLING_BACK', 'CANCELLED', [5, 0, 0]],
  ['ROLLED_BACK', 'CANCELLED', [5, 0, 0]],
  ['unknown', 'CANCELLED', [5, 0, 0]],
] as const)('a hanging reservation whose transaction is %s becomes %s', async (state, then, stock) => {
  const productId = await newProduct(admin, 5);
  const id = await hangingReservation(productId);
  if (state !== 'unknown') coordinator.states.set(id, TransactionState[state]);
  const answer = then === 'CONFIRMED' ? 'commit' : 'rollback';
  const before = await inquiries(answer);
  follow();
  await expect.poll(() => stateOf(id), { timeout: 5_000 }).toBe(then);
  expect(await stockOf(productId)).toEqual(stock);
  expect([timesAsked(id), await inquiries(answer)]).toEqual([1, before + 1]);
});

test('a late reservation after that is a conflict', async () => {
  const productId = await newProduct(admin, 5);
  const id = await hangingReservation(productId);
  follow();
  await expect.poll(() => stateOf(id), { timeout: 5_000 }).toBe('CANCELLED');
  const { results } = await order.stock.reserveStock({
    branches: [{ branch: { transactionId: id, branchId: 'stock' }, lines: [{ productId, quantity: 2 }] }],
  });
  expect(results).toMatchObject([{ reason: 'BRANCH_CANCELLED' }]);
  expect(await stockOf(productId)).toEqual([5, 0, 0]);
});

test('while the transaction is undecided it is left, and asked about again later', async () => {
  const productId = await newProduct(admin, 5);
  const id = await hangingReservation(productId);
  coordinator.states.set(id, TransactionState.RUNNING);
  const before = await inquiries('wait');
  follow();
  await expect.poll(() => inquiries('wait'), { timeout: 5_000 }).toBe(before + 1);
  // As long as ten more rounds take, it is not asked about.
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect([timesAsked(id), await stateOf(id)]).toEqual([1, 'HELD']);
  coordinator.states.set(id, TransactionState.COMMITTING);
  await makeDue(id, 90);
  await expect.poll(() => stateOf(id), { timeout: 5_000 }).toBe('CONFIRMED');
});

test('the time until it is asked about again grows with its age', async () => {
  const productId = await newProduct(admin, 50);
  const waits: number[] = [];
  const id = await hangingReservation(productId);
  coordinator.states.set(id, TransactionState.RUNNING);
  follow();
  for (const age of [31, 60, 3_600]) {
    const before = timesAsked(id);
    await makeDue(id, age);
    await expect.poll(() => timesAsked(id), { timeout: 5_000 }).toBe(before + 1);
    const [row] = await sql<{ wait: number }[]>`
      select extract(epoch from waiting_since - now())::float8 + 30 as wait from branches
      where transaction_id = ${id}`;
    waits.push(row?.wait ?? 0);
  }
  // Half of the age, a quarter more or less, and a minute at most. Less what has passed since.
  const [first = 0, second = 0, last = 0] = waits;
  for (const [wait, middle] of [
    [first, 15.5],
    [second, 30],
    [last, 60],
  ] as const) {
    expect(wait).toBeGreaterThan(middle * 0.75 - 5);
    expect(wait).toBeLessThan(middle * 1.25);
  }
});

test('one that is not due is not asked about', async () => {
  const productId = await newProduct(admin, 5);
  const [young, old] = [await hangingReservation(productId), await hangingReservation(productId)];
  await makeDue(young, 25);
  follow();
  await expect.poll(() => stateOf(old), { timeout: 5_000 }).toBe('CANCELLED');
  expect([timesAsked(young), await stateOf(young)]).toEqual([0, 'HELD']);
});

test('without a coordinator it is left, and resolved when there is one again', async () => {
  const productId = await newProduct(admin, 5);
  const id = await hangingReservation(productId);
  coordinator.states.set(id, TransactionState.COMMITTED);
  await coordinator.stop();
  const before = await inquiries('failed');
  follow();
  await expect.poll(() => inquiries('failed'), { timeout: 5_000 }).toBeGreaterThan(before);
  expect(await stateOf(id)).toBe('HELD');
  await coordinator.restart();
  // The connection is made again within its own backoff.
  await expect
    .poll(
      async () => {
        await makeDue(id, 31);
        return stateOf(id);
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBe('CONFIRMED');
  expect(await stockOf(productId)).toEqual([3, 0, 2]);
});

test('who can not prove its name learns nothing, and changes nothing', async () => {
  const id = await hangingReservation(await newProduct(admin, 5));
  const before = await inquiries('failed');
  follow({ token: 'a-secret-that-nobody-knows' });
  await expect.poll(() => inquiries('failed'), { timeout: 5_000 }).toBe(before + 1);
  expect([timesAsked(id), await stateOf(id)]).toEqual([0, 'HELD']);
});

test('three replicas at once ask once about each, and each is settled once', async () => {
  const productId = await newProduct(admin, 1_000);
  const ids = await Promise.all(Array.from({ length: 150 }, () => hangingReservation(productId)));
  ids.forEach((id, i) => {
    if (i % 3 === 0) coordinator.states.set(id, TransactionState.COMMITTING);
  });
  follow({ replicas: 3 });
  await expect.poll(() => stockOf(productId), { timeout: 10_000 }).toEqual([900, 0, 100]);
  expect(ids.map(timesAsked)).toEqual(ids.map(() => 1));
});
