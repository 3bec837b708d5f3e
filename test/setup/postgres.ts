import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../mesh/local/postgres.ts';
import { connect } from '../../platform/db/database.ts';
import { migrate } from '../../platform/db/migrate.ts';
import { createLogger } from '../../platform/telemetry/log.ts';
// The type of what is provided.
import type {} from '../../platform/testing/database.ts';

const services = new URL('../../services/', import.meta.url);

/** Starts the server on which each file of the integration tests clones its own databases. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-test-'));
  const server = await startPostgres({
    dataDir: join(folder, 'postgres'),
    password: randomBytes(16).toString('hex'),
    logFile: join(folder, 'postgres.log'),
    durable: false,
  });
  await makeTemplate(server.adminUrl, 'platform');
  await Promise.all(
    readdirSync(services).map((service) =>
      makeTemplate(server.adminUrl, service, new URL(`${service}/migrations/`, services)),
    ),
  );
  project.provide('postgresUrl', server.adminUrl());
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function makeTemplate(
  url: (database?: string) => string,
  name: string,
  migrations?: URL,
): Promise<void> {
  const database = `template_${name}`;
  const admin = new pg.Client({ connectionString: url() });
  await admin.connect();
  await admin.query(`create database ${admin.escapeIdentifier(database)}`);
  await admin.end();
  if (!migrations) return;
  const log = createLogger({ service: name, instance: database, level: 'warn' });
  const pool = connect({ DATABASE_URL: url(database), DATABASE_POOL_SIZE: 1, INSTANCE: database }, log);
  await migrate(pool.sql, migrations);
  await pool.close();
}
