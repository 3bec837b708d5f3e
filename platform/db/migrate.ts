import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Logger } from '../telemetry/log.ts';
import type { Queryable, Sql } from './database.ts';

interface Migration {
  readonly id: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** Key of the advisory lock, within one database. Any constant will do. */
const LOCK_KEY = 7_685_107;
const FILE_NAME = /^(\d{3})-[a-z0-9-]+\.sql$/;

/**
 * Brings the database up to the files NNN-name.sql in `directory`, in the order of their numbers, each in a
 * transaction together with its record in schema_migrations. Replicas may start together: one migrates, the
 * others wait for its advisory lock and find the work done. What a newer release has applied after them is left
 * alone. Throws when an applied file has changed or is gone, when numbers repeat, and when a statement fails (that file then had no effect).
 *
 * @returns the names of the files applied now
 */
export async function migrate(sql: Sql, directory: URL, log?: Logger): Promise<string[]> {
  const migrations = await readMigrations(directory);
  return sql.withConnection(async (connection) => {
    // Another replica's migration and our own may take longer than a request's statement may.
    await connection.unsafe('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    // Held until the connection closes.
    await connection`select pg_advisory_lock(${LOCK_KEY})`;
    await connection.unsafe(`
        create table if not exists schema_migrations (
          id integer primary key,
          name text not null,
          checksum text not null,
          applied_at timestamptz not null default now()
        )`);
    const applied = await connection<{ id: number; name: string; checksum: string }[]>`
      select id, name, checksum from schema_migrations order by id`;
    const pending = unapplied(migrations, applied);
    for (const migration of pending) {
      await apply(connection, migration);
      log?.info({ migration: migration.name }, 'migration applied');
    }
    return pending.map((migration) => migration.name);
  });
}

async function readMigrations(directory: URL): Promise<Migration[]> {
  const migrations = new Map<number, Migration>();
  for (const name of (await readdir(directory)).filter((file) => file.endsWith('.sql'))) {
    const number = FILE_NAME.exec(name)?.[1];
    if (number === undefined) throw new Error(`migration ${name} is not named NNN-name.sql`);
    const id = Number(number);
    const other = migrations.get(id);
    if (other !== undefined) throw new Error(`migrations ${other.name} and ${name} have the same number`);
    const base = directory.href.endsWith('/') ? directory : new URL(`${directory.href}/`);
    // A checkout with CRLF line ends is the same migration.
    const text = (await readFile(new URL(name, base), 'utf8')).replaceAll('\r\n', '\n');
    migrations.set(id, { id, name, text, checksum: createHash('sha256').update(text).digest('hex') });
  }
  return [...migrations.values()].sort((a, b) => a.id - b.id);
}

function unapplied(
  migrations: readonly Migration[],
  applied: readonly { id: number; name: string; checksum: string }[],
): Migration[] {
  const files = new Map(migrations.map((migration) => [migration.id, migration]));
  for (const record of applied) {
    const file = files.get(record.id);
    if (file === undefined) {
      // A newer release's, beside which this one still runs, or is started again: a canary, a rolling update. Hence a
      // migration keeps what the release before it needs.
      if (record.id > (migrations.at(-1)?.id ?? 0)) continue;
      throw new Error(`migration ${record.name} was applied and is gone: restore it`);
    }
    if (file.checksum !== record.checksum) {
      throw new Error(
        `migration ${file.name} was changed after it was applied: restore it and add a new file`,
      );
    }
  }
  const last = applied.at(-1)?.id ?? 0;
  const done = new Set(applied.map((record) => record.id));
  const pending = migrations.filter((migration) => !done.has(migration.id));
  const late = pending.find((migration) => migration.id < last);
  if (late !== undefined) {
    throw new Error(
      `migration ${late.name} comes before one that is already applied: give it the next number`,
    );
  }
  return pending;
}

async function apply(connection: Queryable, { id, name, text, checksum }: Migration): Promise<void> {
  try {
    await connection.unsafe('begin');
    await connection.unsafe(text);
    await connection`insert into schema_migrations (id, name, checksum) values (${id}, ${name}, ${checksum})`;
    await connection.unsafe('commit');
  } catch (cause) {
    await connection.unsafe('rollback').catch(() => {});
    throw new Error(`migration ${name} failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
