import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { uuidv7 } from '../id.ts';
import { testDatabase } from '../testing/database.ts';
import type { TransactionState } from './log.ts';
import { MemoryLog } from './model/memory-log.ts';
import { createSqlLog } from './sql-log.ts';
import { createSqlRecords } from './sql-records.ts';

const { sql } = await testDatabase('platform');
await sql.unsafe(await readFile(new URL('./transactions.sql', import.meta.url), 'utf8'));
const log = createSqlLog(sql);
const records = createSqlRecords(sql);

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const begin = async (state: TransactionState = 'RUNNING') => {
  const transaction = { id: uuidv7(), entityId: uuidv7(), kind: 'test', input: { n: 1 }, traceparent: TRACE };
  await log.start(transaction);
  if (state === 'ROLLING_BACK') await log.rollBack(transaction.id, 'NO');
  return transaction;
};
const expire = (id: string) =>
  sql`update transactions set lease_until = now() - interval '1 s' where id = ${id}`;

type Call =
  | { kind: 'rollBack' }
  | { kind: 'expire' }
  | { kind: 'commit' }
  | { kind: 'claimOne'; decided: boolean }
  | { kind: 'progress'; done: boolean; attempts: number; epoch: number };
const call: fc.Arbitrary<Call> = fc.oneof(
  fc.constantFrom<Call>({ kind: 'rollBack' }, { kind: 'expire' }, { kind: 'commit' }),
  fc.record({ kind: fc.constant('claimOne' as const), decided: fc.boolean() }),
  fc.record({
    kind: fc.constant('progress' as const),
    done: fc.boolean(),
    attempts: fc.integer({ min: 5, max: 9 }),
    epoch: fc.nat(2),
  }),
);

test('the log in SQL answers as the one that the model runs on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
      const memory = new MemoryLog({ now: () => 0 }, new Set());
      const transaction = await begin();
      memory.insert(transaction);
      const { id } = transaction;
      const row = () => memory.rows.get(id);
      for (const each of calls) {
        let answers: [unknown, unknown];
        if (each.kind === 'rollBack') {
          answers = [await log.rollBack(id, 'NO'), memory.decide(id, 'ROLLING_BACK') !== undefined];
        } else if (each.kind === 'commit') {
          const decided = await sql`
            update transactions set state = 'COMMITTING', lease_until = now() + interval '6 s'
            where id = ${id} and state = 'RUNNING'`;
          answers = [decided.count === 1, memory.decide(id, 'COMMITTING') !== undefined];
        } else if (each.kind === 'expire') {
          await expire(id);
          Object.assign(row() ?? {}, { leaseUntil: -1 });
          continue;
        } else if (each.kind === 'claimOne') {
          const facts = await log.claimOne(id, each.decided);
          const [claimed] = memory.claim(
            1,
            (one) => memory.isLeftBehind(one) || (each.decided && one.state !== 'RUNNING'),
          );
          answers = [facts && { ...facts, ageMs: 0 }, claimed];
        } else {
          const progress = { ...each, id, lastError: '' };
          answers = [await log.progress(progress), memory.progress(progress)];
        }
        expect(answers[0], JSON.stringify(each)).toEqual(answers[1]);
        const [stored] = await sql`
          select state, attempts, epoch, lease_until < now() as "leftBehind", open from transactions where id = ${id}`;
        const { state, attempts, epoch } = row() ?? {};
        const leftBehind = (row()?.leaseUntil ?? 0) < 0;
        expect(stored).toEqual({ state, attempts, epoch, leftBehind, open: memory.open.length === 1 });
      }
    }),
    { numRuns: 100 },
  );
});

test('one who was overtaken neither moves the lease of his successor nor hides the end', async () => {
  const { id } = await begin('ROLLING_BACK');
  await expire(id);
  expect(await log.claimOne(id)).toMatchObject({ epoch: 1 });
  const lease = async () => (await sql`select lease_until from transactions where id = ${id}`)[0];
  const before = await lease();
  expect(await log.progress({ id, epoch: 0, done: false, attempts: 30, lastError: 'LATE' })).toBe(false);
  expect(await lease()).toEqual(before);
  // Who has seen all steps through tells the truth, however late.
  expect(await log.progress({ id, epoch: 0, done: true, attempts: 1, lastError: '' })).toBe(true);
  expect(await log.progress({ id, epoch: 1, done: true, attempts: 1, lastError: '' })).toBe(false);
});

test('replicas that claim at once get different transactions, each once', async () => {
  const ids = new Set<string>();
  for (let n = 0; n < 40; n++) ids.add((await begin()).id);
  await sql`update transactions set lease_until = now() - interval '1 s' where id = any (${[...ids]}::uuid[])`;
  const claims = await Promise.all(Array.from({ length: 8 }, () => log.claim(10)));
  const claimed = claims.flat().map(({ id }) => id);
  expect(new Set(claimed).size).toBe(claimed.length);
  expect([...ids].filter((id) => !claimed.includes(id))).toEqual([]);
});

test('lists by any states, final ones as open ones, and counts what is open', async () => {
  const { id, entityId } = await begin('ROLLING_BACK');
  const states = ['ROLLED_BACK'] as const;
  expect(await records.list({ entityId, states, limit: 5 })).toEqual([]);
  expect(await records.list({ entityId, states: ['ROLLING_BACK'], limit: 5 })).toMatchObject([{ id }]);
  const open = (await records.inFlight()).find(({ state }) => state === 'ROLLING_BACK');
  expect(open).toMatchObject({ kind: 'test' });
  await log.progress({ id, epoch: 0, done: true, attempts: 1, lastError: '' });
  expect(await records.list({ entityId, states, limit: 5 })).toMatchObject([{ id, state: 'ROLLED_BACK' }]);
  const rest = (await records.inFlight()).find(({ state }) => state === 'ROLLING_BACK');
  expect(rest?.count ?? 0).toBe((open?.count ?? 0) - 1);
});
