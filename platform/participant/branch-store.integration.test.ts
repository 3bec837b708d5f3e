import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { uuidv7 } from '../id.ts';
import { testDatabase } from '../testing/database.ts';
import { claimHangingTries, deleteFinishedBranches } from './branch-store.ts';

const { sql } = await testDatabase('platform');
await sql.unsafe(`
  create table branches (
    transaction_id uuid not null,
    branch_id text not null,
    state text not null,
    created_at timestamptz not null default now(),
    waiting_since timestamptz not null default now(),
    primary key (transaction_id, branch_id)
  );
  create index branches_hanging on branches (waiting_since) where (case state when 'HELD' then true end)`);

/** An id of version 7 that was made `days` ago. */
function idOfAge(days: number): string {
  const ms = (Date.now() - days * 86_400_000).toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}${uuidv7().slice(13)}`;
}

async function insert(id: string, state: string, days: number): Promise<string> {
  await sql`
    insert into branches (transaction_id, branch_id, state, created_at, waiting_since)
    values (${id}, 'b', ${state}, now() - ${days}::float8 * interval '1 day', now() - ${days}::float8 * interval '1 day')`;
  return id;
}

const left = async (): Promise<string[]> =>
  (await sql<{ id: string }[]>`select transaction_id as id from branches order by 1`).map(({ id }) => id);

test('finished branches of more than 30 days go, a bounded number at once; held and younger ones stay', async () => {
  for (let n = 0; n < 7; n++) await insert(idOfAge(31), ['CONFIRMED', 'CANCELLED', 'TAKEN'][n % 3] ?? '', 31);
  const kept = [
    await insert(idOfAge(31), 'HELD', 31),
    await insert(idOfAge(29), 'CONFIRMED', 29),
    // Called late: what was recorded just now is needed still.
    await insert(idOfAge(40), 'CANCELLED', 0),
  ];
  expect(await deleteFinishedBranches(sql, 5)).toBe(5);
  expect(await deleteFinishedBranches(sql, 5)).toBe(2);
  expect(await deleteFinishedBranches(sql, 5)).toBe(0);
  expect(await left()).toEqual(kept.toSorted());
});

test('one that is in use is skipped, not waited for', async () => {
  const id = await insert(idOfAge(50), 'CONFIRMED', 50);
  await sql.begin(async (tx) => {
    await tx`select from branches where transaction_id = ${id} for no key update`;
    expect(await deleteFinishedBranches(sql, 5)).toBe(0);
  });
  expect(await deleteFinishedBranches(sql, 5)).toBe(1);
});

test('hanging tries are claimed once, the longest waiting first', async () => {
  await sql`delete from branches`;
  const ids = [];
  for (let n = 0; n < 6; n++) ids.push(await insert(randomUUID(), 'HELD', 6 - n));
  await insert(randomUUID(), 'CONFIRMED', 6);
  await insert(randomUUID(), 'HELD', 0);
  const claims = await Promise.all([1, 2, 3].map(() => claimHangingTries(sql, 30, 2)));
  const claimed = claims.flat().map(({ transactionId }) => transactionId);
  // One that met another's rows under way may get fewer than there are.
  expect(new Set(claimed).size).toBe(claimed.length);
  expect(claimed).toContain(ids[0]);
  for (let n = 0; n < 3; n++)
    claimed.push(...(await claimHangingTries(sql, 30, 2)).map(({ transactionId }) => transactionId));
  expect(claimed.toSorted()).toEqual(ids.toSorted());
});

test('neither search reads the table', async () => {
  await sql`delete from branches`;
  await sql`
    insert into branches select gen_random_uuid(), 'b', 'CONFIRMED' from generate_series(1, 5000)`;
  await sql`analyze branches`;
  const before = await reads();
  await claimHangingTries(sql, 30, 32);
  await deleteFinishedBranches(sql, 1_000);
  expect(await reads()).toBe(before);

  async function reads(): Promise<bigint | undefined> {
    // Counts are flushed when a connection is idle, or asked to.
    await sql`select pg_stat_force_next_flush()`;
    const [row] = await sql<{ n: bigint }[]>`
      select seq_scan as n from pg_stat_user_tables where relname = 'branches'`;
    return row?.n;
  }
});
