import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { beforeEach, expect, it } from 'vitest';
import { testDatabase } from '../testing/database.ts';

const { sql, url } = await testDatabase('platform');
beforeEach(async () => {
  await sql.unsafe('drop table if exists rows; create table rows (number integer)');
});

const numbers = async () =>
  (await sql<{ number: number }[]>`select number from rows order by number`).map(({ number }) => number);

it('leaves nothing of a transaction that failed, whatever was cancelled, and all of one that did not', async () => {
  const canceller = new pg.Client(url);
  await canceller.connect();
  const [backend] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
  let ended = false;
  const cancelling = (async () => {
    while (!ended) await canceller.query('select pg_cancel_backend($1)', [backend.pid]);
  })();
  const committed: number[] = [];
  let failed = 0;
  const end = performance.now() + 3_000;
  for (let n = 0; performance.now() < end; n++) {
    try {
      await sql.begin(async (tx) => {
        await tx`insert into rows (number) values (${n})`;
        await tx`insert into rows (number) values (${n})`;
      });
      committed.push(n, n);
    } catch {
      failed++;
    }
  }
  ended = true;
  await cancelling;
  await canceller.end();
  // A cancellation may still be on its way.
  await sleep(50);
  await sql`select 1`.catch(() => {});
  expect(await numbers()).toEqual(committed);
  expect(Math.min(failed, committed.length)).toBeGreaterThan(10);
});

it('refuses a statement that comes when the end is on its way', async () => {
  let late: Promise<unknown> = Promise.resolve();
  const failing = sql.begin(async (tx) => {
    await tx`insert into rows (number) values (1)`;
    late = (async () => {
      await tx`select pg_sleep(0.05)`;
      await tx`insert into rows (number) values (2)`;
    })();
    late.catch(() => {});
    throw new Error('given up');
  });
  await expect(failing).rejects.toThrow('given up');
  await expect(late).rejects.toThrow('the transaction has ended');
  expect(await numbers()).toEqual([]);
});

it('fails where a statement failed, although that was forgiven', async () => {
  const forgiving = sql.begin(async (tx) => {
    await tx`insert into rows (number) values (1)`;
    await tx`select 1 / 0`.catch(() => {});
  });
  await expect(forgiving).rejects.toThrow('rolled back');
  const first = sql.begin(async (tx) => {
    await tx`select 1 / 0`.catch(() => {});
    await tx`insert into rows (number) values (1)`;
  });
  await expect(first).rejects.toThrow('division by zero');
  expect(await numbers()).toEqual([]);
});

it('begins with text as well, and without a statement not at all', async () => {
  const level = await sql.begin(async (tx) => {
    await tx.unsafe('set transaction isolation level repeatable read');
    await tx`insert into rows (number) values (1)`;
    return tx<[{ level: string }]>`select current_setting('transaction_isolation') as level`;
  });
  expect(level).toEqual([{ level: 'repeatable read' }]);
  expect(await sql.begin(async () => 'nothing')).toBe('nothing');
  expect(await numbers()).toEqual([1]);
});
