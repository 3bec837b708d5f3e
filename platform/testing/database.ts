import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject } from 'vitest';
import { connect, type Database, type Sql } from '../db/database.ts';
import { createLogger } from '../telemetry/log.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser URL of the test server's database `postgres`. */
    postgresUrl: string;
  }
}

/** A database of its own for one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly sql: Sql;
  readonly database: Database;
  /** Closes the pool and drops the database. Also done after the file's last test. */
  drop(): Promise<void>;
}

/**
 * Clones the migrated template `template_<service>` of the server that the run's global setup provides. Call
 * it at the top of a test file.
 */
export async function testDatabase(service: string): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(serverUrl, `create database ${name} template template_${service}`);

  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database = connect(
    { DATABASE_URL: url.href, DATABASE_POOL_SIZE: 8, INSTANCE: name },
    createLogger({ service, instance: name, level: 'warn' }),
  );
  let dropped: Promise<void> | undefined;
  const drop = (): Promise<void> => {
    dropped ??= database
      .close()
      .then(() => administer(serverUrl, `drop database if exists ${name} with (force)`));
    return dropped;
  };
  afterAll(drop);
  return { url: url.href, sql: database.sql, database, drop };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
