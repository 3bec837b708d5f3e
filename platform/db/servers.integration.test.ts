import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from '../testing/database.ts';
import { createRelay } from '../testing/relay.ts';
import { connect } from './database.ts';
import { isConnectionFailure } from './errors.ts';

// Both hosts are ways to one server; what tells them apart is which of them is open. A real pair is tested with the
// launcher that runs it.
const { sql: admin, url } = await testDatabase('platform');
const name = new URL(url).pathname.slice(1);
const setReadOnly = (on: boolean) =>
  admin.unsafe(`alter database ${name} set default_transaction_read_only = ${on}`);
const away = await closedPort();

/** A port on which nothing listens. */
async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

/** The URL with these hosts in place of its own. */
function withHosts(...hosts: string[]): string {
  return url.replace(/@[^/]+/, `@${hosts.map((host) => host.replace(/^.*@|\/.*$/g, '')).join()}`);
}

function connectTo(databaseUrl: string, poolSize = 4) {
  const database = connect(
    { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: poolSize, INSTANCE: 'several' },
    createLogger({ service: 's', instance: 'i', level: 'silent' }),
  );
  onTestFinished(() => database.close());
  return database;
}
const failureOf = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => 'no failure',
    (error: unknown) => error,
  );

test('of several hosts the one that is there is used, wherever it stands', async () => {
  const there = new URL(url).host;
  for (const hosts of [
    [away, there],
    [there, away],
    [away, away, there],
  ]) {
    const { sql, ping } = connectTo(`${withHosts(...hosts)}?target_session_attrs=read-write`);
    expect(await sql`select current_database() as name`).toEqual([{ name }]);
    await ping();
  }
});

test('a host that hangs is passed over', async () => {
  const hanging = await createRelay(url);
  hanging.freeze();
  const { sql } = connectTo(withHosts(hanging.url, url));
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
});

test('when the host in use goes away the other is used, by statements, the ping and listeners', async () => {
  const [first, second] = [await createRelay(url), await createRelay(url)];
  await second.cut();
  const { sql, ping } = connectTo(withHosts(first.url, second.url));
  const heard: string[] = [];
  let listening = 0;
  const listener = sql.listen(
    'moves',
    (payload) => heard.push(payload),
    () => {
      listening += 1;
    },
  );
  onTestFinished(() => listener.close());
  await Promise.all([sql`select 1`, ping(), expect.poll(() => listening).toBe(1)]);
  const cutShort = failureOf(sql`select pg_sleep(5)`);
  await expect
    .poll(async () => (await admin`select 1 from pg_stat_activity where query = 'select pg_sleep(5)'`).count)
    .toBeGreaterThan(0);

  await first.cut();
  expect(await cutShort).toSatisfy(isConnectionFailure);
  expect(await failureOf(sql`select 1`)).toSatisfy(isConnectionFailure);
  await second.restore();
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  await ping();
  await expect.poll(() => listening, { timeout: 5_000 }).toBe(2);
  await admin`select pg_notify('moves', 'over')`;
  await expect.poll(() => heard).toEqual(['over']);
});

test('what waits for a host that vanished fails as soon as another is found to take writes', async () => {
  const [first, second] = [await createRelay(url), await createRelay(url)];
  await second.cut();
  const { sql, ping } = connectTo(withHosts(first.url, second.url));
  await Promise.all([sql`select 1`, ping()]);
  // Nothing closes these connections: only the ping finds out.
  first.freeze();
  await second.restore();
  const waiting = failureOf(sql`select 1`);
  await expect.poll(() => failureOf(ping()), { timeout: 10_000 }).toBe('no failure');
  expect(await waiting).toSatisfy(isConnectionFailure);
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
});

test('while no host takes writes it is a connection failure, and none connects; then it works', async () => {
  await setReadOnly(true);
  onTestFinished(() => setReadOnly(false));
  const { sql, ping } = connectTo(withHosts(away, url));
  expect(await failureOf(sql`select 1`)).toSatisfy(isConnectionFailure);
  expect(await failureOf(ping())).toSatisfy(isConnectionFailure);
  await setReadOnly(false);
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  await ping();
});

test('a statement refused because its server takes no writes is a connection failure, and all connect anew', async () => {
  const { sql } = connectTo(url);
  let listening = 0;
  const listener = sql.listen(
    'moves',
    () => {},
    () => {
      listening += 1;
    },
  );
  onTestFinished(() => listener.close());
  await expect.poll(() => listening).toBe(1);
  const pids = async () =>
    new Set(
      (
        await Promise.all(
          Array.from(
            { length: 4 },
            () => sql<{ pid: number }[]>`select pg_backend_pid() as pid, pg_sleep(0.05)`,
          ),
        )
      ).map(([row]) => row?.pid),
    );
  const before = await pids();

  const refused = sql.begin(async (tx) => {
    await tx`set transaction read only`;
    await tx`create table never (id int)`;
  });
  expect(await failureOf(refused)).toSatisfy(isConnectionFailure);
  for (const pid of await pids()) expect(before).not.toContain(pid);
  await expect.poll(() => listening, { timeout: 5_000 }).toBe(2);
});

test('the ping tells of a server that has come to take no writes, where another might', async () => {
  const { ping } = connectTo(withHosts(away, url));
  const single = connectTo(url);
  await Promise.all([ping(), single.ping()]);
  await setReadOnly(true);
  onTestFinished(() => setReadOnly(false));
  // Sessions take over a changed default when they begin.
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'several health'`;
  await expect.poll(() => failureOf(ping())).toSatisfy(isConnectionFailure);
  await expect.poll(() => failureOf(single.ping())).toBe('no failure');
  await setReadOnly(false);
  await expect.poll(() => failureOf(ping())).toBe('no failure');
});

test('a wrong password is told as such, not as servers that are away', async () => {
  const { sql } = connectTo(withHosts(away, url).replace(/:[^:@/]+@/, ':wrong@'));
  const error = await failureOf(sql`select 1`);
  expect(error).toMatchObject({ code: '28P01' });
  expect(isConnectionFailure(error)).toBe(false);
});
