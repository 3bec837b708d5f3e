import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Transaction } from '../../platform/db/database.ts';
import { confirmReservations, takeStock } from './stock-store.ts';
import { newProduct, testService } from './test-service.ts';

const { sql, admin } = await testService();

const named = () => ({ transactionId: randomUUID(), branchId: 'stock' });

/** Locks a product's stock until `release`. */
async function lockStock(productId: string): Promise<{ tx: Transaction; release(): Promise<void> }> {
  const opened = Promise.withResolvers<Transaction>();
  const end = Promise.withResolvers<void>();
  const done = sql.begin(async (tx) => {
    await tx`select from stock where product_id = ${productId} for no key update`;
    opened.resolve(tx);
    await end.promise;
  });
  const tx = await opened.promise;
  return {
    tx,
    release: () => {
      end.resolve();
      return done;
    },
  };
}

/** Waits until that many statements in this database wait for a lock. */
async function untilBlocked(count: number): Promise<void> {
  const waiting = async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::integer as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return row?.n;
  };
  await expect.poll(waiting, { timeout: 5_000, interval: 20 }).toBe(count);
}

/** Waits until a statement waits for what `holder` has locked. */
async function untilBlockedBy(holder: Transaction): Promise<void> {
  const [me] = await holder<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const waiting = async () => {
    const rows = await sql`select pid from pg_stat_activity where ${me?.pid} = any (pg_blocking_pids(pid))`;
    return rows.count;
  };
  await expect.poll(waiting, { timeout: 5_000, interval: 20 }).toBe(1);
}

test('a reservation that is committed while a confirm of its name waits is not waited for', async () => {
  const [p, q] = (await Promise.all([newProduct(admin, 9), newProduct(admin, 9)])).toSorted() as [
    string,
    string,
  ];
  const [held, late] = [named(), named()];
  const one = (productId: string) => ({ productId, quantity: 1 });
  await takeStock(sql, 'reserve', [{ ...held, lines: [one(p), one(q)] }]);

  const [first, second] = [await lockStock(p), await lockStock(q)];
  const both = confirmReservations(sql, [held, late]);
  await untilBlocked(1);
  // It has locked the only row that there was. Now the other comes.
  await first.tx`
    select reason from take_stock(
      'reserve', ${[late.transactionId]}::uuid[], ${[late.branchId]}::text[], '{1}', '{1}', ${[p]}::uuid[], '{1}', '')`;
  await first.release();
  // Not just any lock: for a moment more it may still be waiting for that of `p`.
  await untilBlockedBy(second.tx);
  // It has the stock of `p` and waits for that of `q`, when somebody confirms the other, who waits for `p`.
  const other = confirmReservations(sql, [late]);
  await untilBlocked(2);
  await second.release();
  const [ofBoth, ofOther] = await Promise.all([both, other]);
  expect(ofOther).toMatchObject([{ status: 'done' }]);
  expect(ofBoth).toMatchObject([{ status: 'done' }, { status: 'conflict', reason: 'BRANCH_UNKNOWN' }]);
});

test('a branch that is cleaned up while it is called does not shift the answers of others', async () => {
  const productId = await newProduct(admin, 9);
  const lines = [{ productId, quantity: 1 }];
  const [old, other] = [named(), named()];
  await takeStock(sql, 'reserve', [{ ...old, lines }]);
  const branches = [
    { ...old, lines },
    { ...other, lines },
  ];
  let call: Promise<unknown> | undefined;
  await sql.begin(async (tx) => {
    await tx`select from branches where transaction_id = ${old.transactionId} for update`;
    call = takeStock(sql, 'reserve', branches).catch((error: unknown) => error);
    await untilBlocked(1);
    await tx`delete from branches where transaction_id = ${old.transactionId}`;
  });
  expect(await call).toMatchObject({ kind: 'UNAVAILABLE', reason: 'BRANCH_REMOVED' });
  expect(await takeStock(sql, 'reserve', branches)).toMatchObject([{ status: 'done' }, { status: 'done' }]);
});
