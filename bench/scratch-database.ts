import pg from 'pg';
import { databaseName } from '../mesh/local/databases.ts';
import { secretsIn } from '../mesh/local/secrets.ts';
import { services } from '../mesh/local/services.ts';
import type { Shop } from '../mesh/local/shop.ts';
import { connect } from '../platform/db/database.ts';
import { migrate } from '../platform/db/migrate.ts';
import { createLogger } from '../platform/telemetry/log.ts';
import { addCustomers, addProducts } from './fixture.ts';

const NAME = 'bench';

/**
 * Makes a database in the shop's PostgreSQL that holds the tables and functions of all three services, from their own
 * migrations: pgbench works on one database at a time. Each service has a schema, in which its functions look for their
 * tables. Adds the customers and products. Returns its URL, the superuser's.
 */
export async function makeScratchDatabase(shop: Shop): Promise<string> {
  const url = new URL(shop.databaseUrl('order'));
  url.username = 'postgres';
  url.password = secretsIn(shop.paths.secrets)('postgres');
  url.pathname = '/postgres';
  await run(url, (client) => client.query(`create database ${NAME}`));
  url.pathname = `/${NAME}`;
  for (const { name } of services) {
    const schema = databaseName(name);
    await run(url, (client) => client.query(`create schema ${schema}`));
    const within = new URL(url);
    within.searchParams.set('options', `-csearch_path=${schema}`);
    const log = createLogger({ service: name, instance: NAME, level: 'warn' });
    const database = connect({ DATABASE_URL: within.href, DATABASE_POOL_SIZE: 1, INSTANCE: NAME }, log);
    await migrate(database.sql, new URL(`../services/${name}/migrations/`, import.meta.url), log);
    await database.close();
    if (name === 'product') await run(within, addProducts);
    if (name === 'user') await run(within, addCustomers);
    await run(url, (client) => bindFunctions(client, schema));
  }
  const path = services
    .map(({ name }) => databaseName(name))
    .toReversed()
    .join(', ');
  await run(url, (client) => client.query(`alter database ${NAME} set search_path = ${path}`));
  return url.href;
}

/** Makes the functions of a schema find its tables, whoever calls them. */
async function bindFunctions(client: pg.Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'select oid::regprocedure::text as name from pg_proc where pronamespace = $1::regnamespace',
    [schema],
  );
  for (const { name } of rows) await client.query(`alter function ${name} set search_path = ${schema}`);
}

async function run(url: URL, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
