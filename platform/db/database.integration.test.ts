import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from '../testing/database.ts';
import { createRelay } from '../testing/relay.ts';
import { connect } from './database.ts';
import { isConnectionFailure, isStatementTimeout, isUniqueViolation } from './errors.ts';

const { sql, url } = await testDatabase('platform');
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

function connectTo(databaseUrl: string, poolSize = 8) {
  const database = connect(
    { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: poolSize, INSTANCE: 'probe-1' },
    log,
  );
  onTestFinished(() => database.close());
  return database;
}

test('statements are prepared and named on the server', async () => {
  const one = connectTo(url, 1);
  for (const id of [1, 2, 3]) await one.sql`select ${id}::int + 1 as next`;
  const prepared = await one.sql<{ uses: number }[]>`
    select (generic_plans + custom_plans)::int as uses from pg_prepared_statements
    where statement like '%+ 1 as next' and name <> ''`;
  expect(prepared).toEqual([{ uses: 3 }]);
});

test('bigint columns and parameters are bigints, exactly', async () => {
  const big = 2n ** 63n - 1n;
  const [row] = await sql<{ big: bigint }[]>`select ${big}::bigint as big`;
  expect(row).toEqual({ big });
});

test('arrays take the type that the statement gives them', async () => {
  const one = connectTo(url, 1).sql;
  const values = {
    bigints: [1n, 2n ** 63n - 1n],
    flags: [true, false],
    times: [new Date(0), new Date(1)],
    texts: ['a', 'b"c'],
  };
  const { bigints, flags, times, texts } = values;
  const [row] = await one`
    select ${bigints}::bigint[] as bigints, ${flags}::boolean[] as flags, ${times}::timestamptz[] as times,
           ${texts}::text[] as texts`;
  expect(row).toEqual(values);
  expect(await one`select 1 as found where 5::bigint = any(${[4n, 5n]})`).toEqual([{ found: 1 }]);
  expect(await one`select 1 as found where 5::bigint = any(${[] as bigint[]})`).toEqual([]);
});

test('a statement that fails leaves its connection open', async () => {
  const one = connectTo(url, 1);
  const backend = async () => (await one.sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid;
  const before = await backend();
  await expect(one.sql`select 1 / ${0}::integer`).rejects.toThrow('division by zero');
  await expect(one.sql`select * from nowhere`).rejects.toThrow('nowhere');
  expect(await backend()).toBe(before);
});

test('a connection that can no longer run a statement is closed', async () => {
  const one = connectTo(url, 1).sql;
  await one`create table changing (a integer)`;
  const all = () => one`select * from changing`;
  await all();
  await sql`alter table changing add column b integer`;
  await expect(all()).rejects.toThrow('cached plan');
  expect(await all()).toEqual([]);

  const length = (value: unknown) => one<{ length: number }[]>`select length(${value}) as length`;
  const unsendable = {
    toPostgres() {
      throw new Error('can not be written');
    },
  };
  await expect(length(unsendable)).rejects.toThrow('can not be written');
  expect(await length('text')).toEqual([{ length: 4 }]);
});

test('connections say whose they are and bound their statements', async () => {
  const [row] = await connectTo(url).sql`
    select current_setting('application_name') as name, current_setting('statement_timeout') as statement,
           current_setting('idle_in_transaction_session_timeout') as idle`;
  expect(row).toEqual({ name: 'probe-1', statement: '10s', idle: '15s' });
});

test('a statement that runs into its timeout is told apart', async () => {
  const error = await sql
    .begin(async (tx) => {
      await tx`set local statement_timeout = 20`;
      await tx`select pg_sleep(5)`;
    })
    .catch((thrown: unknown) => thrown);
  expect(isStatementTimeout(error)).toBe(true);
});

test('a unique violation is told apart by its constraint', async () => {
  await sql`create table things (id int primary key, name text unique)`;
  await sql`insert into things values (1, 'a')`;
  const error = await sql`insert into things values (2, 'a')`.catch((thrown: unknown) => thrown);
  expect(isUniqueViolation(error)).toBe(true);
  expect(isUniqueViolation(error, 'things_name_key')).toBe(true);
  expect(isUniqueViolation(error, 'things_pkey')).toBe(false);
});

test('while the server is away statements fail soon, however many wait; when it is back they work', async () => {
  const relay = await createRelay(url);
  const { sql: pool, ping } = connectTo(relay.url);
  const wave = () => Promise.allSettled(Array.from({ length: 200 }, () => pool`select 1`));
  await wave();
  const cutShort = pool`select pg_sleep(5)`.catch((error: unknown) => error);
  await sleep(50);
  await relay.cut();
  expect(isConnectionFailure(await cutShort)).toBe(true);

  const began = performance.now();
  const results = await wave();
  expect(performance.now() - began).toBeLessThan(2_000);
  for (const result of results) {
    expect(result.status).toBe('rejected');
    expect(isConnectionFailure((result as PromiseRejectedResult).reason)).toBe(true);
  }
  await expect(ping()).rejects.toSatisfy(isConnectionFailure);

  await relay.restore();
  expect((await wave()).every(({ status }) => status === 'fulfilled')).toBe(true);
  await ping();
});

test('a ping of a server that vanished gives up in time, and works when it is back', async () => {
  const relay = await createRelay(url);
  const { ping } = connectTo(relay.url);
  await ping();
  relay.freeze();
  const began = performance.now();
  await expect(ping()).rejects.toSatisfy(isConnectionFailure);
  await expect(ping()).rejects.toSatisfy(isConnectionFailure);
  expect(performance.now() - began).toBeLessThan(2_500);
  await relay.cut();
  await relay.restore();
  await expect
    .poll(() =>
      ping().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
});

test('a busy pool does not fail the ping', async () => {
  const { sql: pool, ping } = connectTo(url, 1);
  const busy = pool`select pg_sleep(1.5)`;
  await sleep(20);
  await ping();
  await busy;
});

test('close waits for the statement under way, though not for ever', async () => {
  const quick = connectTo(url);
  const result = quick.sql`select pg_sleep(0.2), 7 as seven`.execute();
  await quick.close();
  expect((await result)[0]?.seven).toBe(7);
  await expect(quick.sql`select 1`).rejects.toSatisfy(isConnectionFailure);

  const slow = connectTo(url);
  const lost = slow.sql`select pg_sleep(9)`.catch((error: unknown) => error);
  const began = performance.now();
  await slow.close();
  expect(performance.now() - began).toBeLessThan(3_000);
  expect(isConnectionFailure(await lost)).toBe(true);
});

test('a statement that was planned while its table was empty uses the index later', async () => {
  const { sql: one } = connectTo(url, 1);
  await one.unsafe(
    'create table planned (id integer primary key, note text) with (autovacuum_enabled = off)',
  );
  onTestFinished(() => sql.unsafe('drop table planned'));
  const scans = async () => {
    const [row] = await one<{ scans: bigint }[]>`
      select pg_stat_get_xact_numscans('planned'::regclass) + pg_stat_get_numscans('planned'::regclass) as scans`;
    return row?.scans;
  };
  const before = await scans();
  const read = (ids: number[]) => one`
    select note from unnest(${ids}::integer[]) given (id) join planned using (id)`;
  // After five executions a plan is kept.
  const many = Array.from({ length: 16 }, (_, n) => n);
  for (let n = 0; n < 8; n++) await read(many);
  await one`insert into planned select n, 'note ' || n from generate_series(1, ${5_000}::integer) n`;
  expect(await read(many)).toHaveLength(15);
  expect(await scans()).toBe(before);
});
