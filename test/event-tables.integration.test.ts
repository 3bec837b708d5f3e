import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Sql } from '../platform/db/database.ts';
import { testDatabase } from '../platform/testing/database.ts';

const EVENTS = ['events/outbox.sql', 'events/inbox.sql'];
const SERVICES = {
  user: EVENTS,
  product: EVENTS,
  order: [...EVENTS, 'transaction/transactions.sql'],
};

/** What a database has, by name: columns, constraints and indexes of tables, sequences, and functions' definitions. */
async function describe(sql: Sql): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; definition: string }[]>`
    with own as (select * from pg_class where relnamespace = 'public'::regnamespace)
    select 'function ' || oid::regprocedure as name, pg_get_functiondef(oid) as definition
    from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select 'relation ' || relname, concat_ws(' ', relkind, reloptions) from own where relkind in ('r', 'S')
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
    select 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid) from own join pg_index on indrelid = own.oid`;
  return new Map(rows.map(({ name, definition }) => [name, definition]));
}

test.each(Object.entries(SERVICES))(
  "the %s service's migrations make what the platform needs",
  async (service, files) => {
    const { sql: bare } = await testDatabase('platform');
    for (const file of files)
      await bare.unsafe(await readFile(new URL(`../platform/${file}`, import.meta.url), 'utf8'));
    const [needed, made] = await Promise.all([describe(bare), describe((await testDatabase(service)).sql)]);
    const common = new Map([...made].filter(([name]) => needed.has(name)));
    expect(common).toEqual(needed);
  },
);
