import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Sql } from '../platform/db/database.ts';
import { testDatabase } from '../platform/testing/database.ts';

const EVENTS = ['events/outbox.sql', 'events/inbox.sql'];
/** What of platform/ each service's tables come from. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  user: EVENTS,
  product: EVENTS,
  order: [...EVENTS, 'transaction/transactions.sql'],
};
const services = readdirSync(new URL('../services/', import.meta.url));

const databases = await Promise.all(
  Object.entries(FILES).map(async ([service, files]) => {
    const [{ sql: bare }, { sql: migrated }] = [await testDatabase('platform'), await testDatabase(service)];
    for (const file of files)
      await bare.unsafe(await readFile(new URL(`../platform/${file}`, import.meta.url), 'utf8'));
    return { service, bare, migrated };
  }),
);

/** What a database has, by name: columns, constraints and indexes of tables, sequences, and functions' definitions. */
async function contentsOf(sql: Sql): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; definition: string }[]>`
    with own as (select * from pg_class where relnamespace = 'public'::regnamespace)
    select 'function ' || oid::regprocedure as name, pg_get_functiondef(oid) as definition
    from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select 'table ' || relname, coalesce(reloptions::text, '') from own where relkind = 'r'
    union all
    select 'sequence ' || sequencename, concat_ws(' ', data_type, start_value, increment_by, cache_size, cycle)
    from pg_sequences where schemaname = 'public'
    union all
    select 'column ' || relname || '.' || attname, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity,
      attgenerated, pg_get_expr(adbin, adrelid))
    from own join pg_attribute a on attrelid = own.oid and attnum > 0 and not attisdropped
      left join pg_attrdef d on adrelid = attrelid and adnum = attnum
    where relkind = 'r'
    union all
    select 'constraint ' || relname || '.' || conname, pg_get_constraintdef(c.oid)
    from own join pg_constraint c on conrelid = own.oid
    union all
    select 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid) from own join pg_index on indrelid = own.oid
    union all
    select 'where the log of partition ' || partition || ' starts', position::text from event_log_starts`;
  return new Map(rows.map(({ name, definition }) => [name, definition]));
}

test('all services are looked at', () => {
  expect(Object.keys(FILES).sort()).toEqual(services.sort());
});

test.each(databases)(
  "the $service service's migrations make what the platform needs",
  async ({ bare, migrated }) => {
    const [needed, made] = await Promise.all([contentsOf(bare), contentsOf(migrated)]);
    expect(new Map([...made].filter(([name]) => needed.has(name)))).toEqual(needed);
  },
);
