import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from '../testing/database.ts';
import { connect } from './database.ts';
import { migrate } from './migrate.ts';

const { sql, url } = await testDatabase('platform');

let folder: string;
let directory: URL;
const write = (name: string, text: string) => writeFile(join(folder, name), text);

beforeEach(async () => {
  await sql`drop schema public cascade`;
  await sql`create schema public`;
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  directory = pathToFileURL(folder);
  await write('001-items.sql', 'create table items (id int); insert into items values (1);');
  await write('002-more.sql', 'insert into items values (2);\n');
  return () => rm(folder, { recursive: true });
});
const items = async () => (await sql<{ id: number }[]>`select id from items order by id`).map(({ id }) => id);

test('files are applied in order, once', async () => {
  await write('010-later.sql', 'insert into items select max(id) + 8 from items;');
  await write('README.md', 'not a migration');
  expect(await migrate(sql, directory)).toEqual(['001-items.sql', '002-more.sql', '010-later.sql']);
  expect(await migrate(sql, directory)).toEqual([]);
  expect(await items()).toEqual([1, 2, 10]);
});

test('a directory URL works with and without its last slash', async () => {
  expect(await migrate(sql, new URL(`${directory.href}/`))).toHaveLength(2);
});

test('replicas that start together apply each file once, even slow ones', async () => {
  await write('003-slow.sql', 'select pg_sleep(0.3); insert into items values (3);');
  const replicas = Array.from({ length: 3 }, (_, index) => {
    const config = { DATABASE_URL: url, DATABASE_POOL_SIZE: 1, INSTANCE: `replica-${index}` };
    const database = connect(config, createLogger({ service: 's', instance: 'i', level: 'silent' }));
    onTestFinished(() => database.close());
    return database;
  });
  const applied = await Promise.all(replicas.map((replica) => migrate(replica.sql, directory)));
  expect(applied.flat()).toHaveLength(3);
  expect(await items()).toEqual([1, 2, 3]);
});

test('a file that fails has no effect, says which it was, and can be repaired', async () => {
  await write('003-broken.sql', 'insert into items values (3); insert into nowhere values (1);');
  await expect(migrate(sql, directory)).rejects.toThrow(
    'migration 003-broken.sql failed: relation "nowhere"',
  );
  expect(await items()).toEqual([1, 2]);
  await write('003-broken.sql', 'insert into items values (3);');
  expect(await migrate(sql, directory)).toEqual(['003-broken.sql']);
});

test('a changed, a missing and a late file are refused; other line ends are no change', async () => {
  await write('003-last.sql', 'select 1;\nselect 2;\n');
  await migrate(sql, directory);
  await write('003-last.sql', 'select 1;\r\nselect 2;\r\n');
  expect(await migrate(sql, directory)).toEqual([]);

  await write('003-last.sql', 'select 3;');
  await expect(migrate(sql, directory)).rejects.toThrow('003-last.sql was changed after it was applied');
  await rename(join(folder, '003-last.sql'), join(folder, '004-last.sql'));
  await expect(migrate(sql, directory)).rejects.toThrow('003-last.sql was applied and is gone');

  await write('003-last.sql', 'select 1;\nselect 2;\n');
  await migrate(sql, directory).catch(() => {});
  await rm(join(folder, '002-more.sql'));
  await expect(migrate(sql, directory)).rejects.toThrow('002-more.sql');
});

test('what a newer release has applied is left alone', async () => {
  await write('009-newer.sql', 'select 9;');
  await migrate(sql, directory);
  await rm(join(folder, '009-newer.sql'));
  expect(await migrate(sql, directory)).toEqual([]);
});

test('a file numbered before an applied one is refused', async () => {
  await write('005-five.sql', 'select 1;');
  await migrate(sql, directory);
  await write('004-four.sql', 'select 1;');
  await expect(migrate(sql, directory)).rejects.toThrow(
    '004-four.sql comes before one that is already applied',
  );
});

test('bad names and repeated numbers are refused before anything runs', async () => {
  await write('002-other.sql', 'select 1;');
  await expect(migrate(sql, directory)).rejects.toThrow('have the same number');
  await rm(join(folder, '002-other.sql'));
  await write('3-x.sql', 'select 1;');
  await expect(migrate(sql, directory)).rejects.toThrow('3-x.sql is not named NNN-name.sql');
  await mkdir(join(folder, 'empty'));
  await expect(items()).rejects.toThrow('does not exist');
});

test('after migrating the connection is as before, and the lock is free', async () => {
  const config = { DATABASE_URL: url, DATABASE_POOL_SIZE: 1, INSTANCE: 'one' };
  const database = connect(config, createLogger({ service: 's', instance: 'i', level: 'silent' }));
  onTestFinished(() => database.close());
  await migrate(database.sql, directory);
  const [row] = await database.sql`
    select current_setting('statement_timeout') as timeout,
           (select count(*)::int from pg_locks where locktype = 'advisory'
            and database = (select oid from pg_database where datname = current_database())) as locks`;
  expect(row).toEqual({ timeout: '10s', locks: 0 });
});
