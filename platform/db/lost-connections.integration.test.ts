import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from '../testing/database.ts';
import { createRelay } from '../testing/relay.ts';
import { connect, type Sql } from './database.ts';
import { isConnectionFailure } from './errors.ts';

const { sql: admin, url } = await testDatabase('platform');
await admin`create table entries (who text)`;

function poolTo(databaseUrl: string, size = 1): Sql {
  const config = { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: size, INSTANCE: 'lost' };
  const database = connect(config, createLogger({ service: 's', instance: 'i', level: 'silent' }));
  onTestFinished(() => database.close());
  return database.sql;
}
const failure = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => 'no failure',
    (error: unknown) => error,
  );
const entries = async () =>
  (await admin<{ who: string }[]>`select who from entries order by who`).map(({ who }) => who);
/** Ends the backends of this file's pools, as an administrator or a crash would. */
const terminate = async () => {
  await admin`
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'lost' and datname = current_database()`;
};
/** How many backends of this file's pools are asleep. */
const sleeping = async () => {
  const { count } = await admin`
    select 1 from pg_stat_activity
    where application_name = 'lost' and datname = current_database() and wait_event = 'PgSleep'`;
  return count;
};

test('a statement started by the failure of another does not hang, and the pool works on', async () => {
  const relay = await createRelay(url);
  const sql = poolTo(relay.url, 4);
  await Promise.all(Array.from({ length: 8 }, () => sql`select 1`));
  for (let round = 0; round < 5; round++) {
    const chain = async () => {
      await failure(sql`select pg_sleep(5)`);
      // In the same tick as the failure: the other connections are just being closed.
      return failure(Promise.all(Array.from({ length: 8 }, () => sql`select 2`)));
    };
    const chains = Promise.all([chain(), chain(), chain(), chain()]);
    await sleep(50);
    await relay.cut();
    for (const error of await chains) expect(isConnectionFailure(error)).toBe(true);
    await relay.restore();
    await sleep(10);
    expect(await Promise.all(Array.from({ length: 8 }, () => sql`select 3 as three`))).toHaveLength(8);
  }
});

test('a dead transaction runs nothing more, least of all within another one', async () => {
  const sql = poolTo(url);
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const dead = failure(
    sql.begin(async (tx) => {
      await tx`insert into entries values ('dead 1')`;
      await held;
      await tx`insert into entries values ('dead 2')`;
    }),
  );
  await sleep(50);
  await terminate();
  await sleep(50);
  const alive = sql.begin(async (tx) => {
    await tx`insert into entries values ('alive 1')`;
    await sleep(20);
    await tx`insert into entries values ('alive 2')`;
  });
  goOn();
  expect(isConnectionFailure(await dead)).toBe(true);
  await alive;
  expect(await entries()).toEqual(['alive 1', 'alive 2']);
});

test('statements queued in a transaction whose connection is lost all fail', async () => {
  const sql = poolTo(url);
  const results: Promise<unknown>[] = [];
  const work = failure(
    sql.begin(async (tx) => {
      for (let index = 0; index < 250; index++) results.push(failure(tx`select pg_sleep(1)`));
      await Promise.all(results);
    }),
  );
  await sleep(100);
  await terminate();
  await work;
  for (const error of await Promise.all(results)) expect(isConnectionFailure(error)).toBe(true);
  expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
});

test("after a lost connection the next statement does not get the old one's error", async () => {
  const sql = poolTo(url);
  for (let round = 0; round < 5; round++) {
    const cut = failure(sql`select pg_sleep(5)`);
    await expect.poll(sleeping).toBe(1);
    await terminate();
    expect(isConnectionFailure(await cut)).toBe(true);
    expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
  }
});

test('a backend lost while its connection is being set up is an error of the statement, not of the process', async () => {
  const sql = poolTo(url, 4);
  let goOn = true;
  const killer = (async () => {
    while (goOn) await terminate();
  })();
  for (let round = 0; round < 60; round++) {
    await Promise.all(Array.from({ length: 4 }, () => failure(sql`select 1`)));
  }
  goOn = false;
  await killer;
  await sleep(20);
  expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);
}, 15_000);

test('a proxy that accepts and hangs up is a connection failure, not a wait without end', async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const target = new URL(url);
  target.port = String(port);
  expect(isConnectionFailure(await failure(poolTo(target.href)`select 1`))).toBe(true);
});
