import { randomUUID } from 'node:crypto';
import { ConnectError, createClient as connectClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { expect, test } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { failureOf, orderShop, PEER_TOKEN, statesOf } from './testing/orders.ts';

const { sql, participants: shop, start } = await orderShop();
const replica = await start();
const admin = await replica.client(uuidv7(), 'admin');

const stuck = async () => {
  const userId = shop.addUser(1_000);
  const client = await replica.client(userId);
  shop.inject('confirmHold', ...Array.from({ length: 30 }, () => 'fail' as const));
  const lines = [{ productId: shop.addProduct(100, 5), quantity: 2 }];
  const { order } = await client.createOrder({ requestId: randomUUID(), lines });
  const orderId = order?.id ?? '';
  const read = async () => (await admin.listTransactions({ orderId })).transactions[0];
  await expect.poll(async () => (await read())?.lastError, { timeout: 6_000 }).toBe('UNAVAILABLE INJECTED');
  const { id: transactionId = '' } = (await read()) ?? {};
  return { userId, orderId, transactionId, client };
};

test('a stuck transaction shows in the metrics, and is finished by hand', async () => {
  const { userId, orderId, transactionId, client } = await stuck();
  const during = await replica.metrics();
  expect(during).toMatch(
    /^souk_transaction_in_flight\{souk_transaction_kind="create-order",souk_transaction_state="COMMITTING"\} 1$/m,
  );
  expect(Number(/^souk_transaction_oldest_age_seconds (.+)$/m.exec(during)?.[1])).toBeGreaterThan(2);
  expect(await failureOf(client.retryTransaction({ transactionId }))).toMatchObject({
    code: 'PermissionDenied',
  });
  expect(await failureOf(admin.retryTransaction({ transactionId: randomUUID() }))).toMatchObject({
    reason: 'TRANSACTION_NOT_FOUND',
  });

  // One retry may run into the rest of the faults; another follows at once, whatever the pause that is due.
  const retry = async () => (await admin.retryTransaction({ transactionId })).transaction?.state;
  await expect.poll(retry, { timeout: 15_000 }).toBe(TransactionState.COMMITTED);
  expect(shop.walletOf(userId)).toEqual({ available: 800, held: 0, used: 200 });
  expect(await statesOf(sql, orderId)).toEqual(['create-order COMMITTED']);
  expect((await admin.retryTransaction({ transactionId })).transaction?.state).toBe(
    TransactionState.COMMITTED,
  );

  const after = await replica.metrics();
  expect(after).not.toMatch(/^souk_transaction_in_flight\{.*\} [1-9]/m);
  expect(after).toMatch(/^souk_transaction_oldest_age_seconds 0$/m);
  expect(after).toMatch(/^souk_transaction_started_total\{souk_transaction_kind="create-order"\} 1$/m);
  expect(after).toMatch(/^souk_transaction_recovered_total\{souk_transaction_kind="create-order"\} [1-9]/m);
  expect(after).toMatch(
    /^souk_transaction_duration_seconds_count\{souk_transaction_kind="create-order",souk_transaction_outcome="committed"\} 1$/m,
  );
});

test('a transaction that a living process still tries is not taken from it', async () => {
  const client = await replica.client(shop.addUser(1_000));
  const wakes = Promise.withResolvers<void>();
  shop.inject('holdCredit', wakes.promise);
  const lines = [{ productId: shop.addProduct(100, 5), quantity: 1 }];
  const answer = client.createOrder({ requestId: randomUUID(), lines });
  const running = async () =>
    (await admin.listTransactions({ states: [TransactionState.RUNNING] })).transactions[0];
  await expect.poll(running).toBeDefined();
  const transactionId = (await running())?.id ?? '';
  const { transaction } = await admin.retryTransaction({ transactionId });
  expect(transaction?.state).toBe(TransactionState.RUNNING);
  wakes.resolve();
  expect((await answer).order?.id).toBe(transaction?.orderId);
});

test('the participants may ask for a transaction, and only for that', async () => {
  const [{ id: transactionId = '' } = {}] = (await admin.listTransactions({})).transactions;
  const as = (token: string) =>
    connectClient(
      OrderService,
      createGrpcTransport({
        baseUrl: replica.baseUrl,
        interceptors: [
          (next) => (call) => {
            call.header.set('x-souk-service', 'product');
            call.header.set('x-souk-service-token', token);
            return next(call);
          },
        ],
      }),
    );
  // The confirms run after the reply.
  await expect
    .poll(async () => (await as(PEER_TOKEN).getTransaction({ transactionId })).transaction)
    .toMatchObject({ id: transactionId, state: TransactionState.COMMITTED });
  expect(await failureOf(as(PEER_TOKEN).listTransactions({}))).toMatchObject({ code: 'PermissionDenied' });
  expect(await failureOf(as(PEER_TOKEN).retryTransaction({ transactionId }))).toMatchObject({
    code: 'PermissionDenied',
  });
  await expect(as('something else').getTransaction({ transactionId })).rejects.toBeInstanceOf(ConnectError);
});
