import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseUrl, ensureDatabases } from './databases.ts';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres.ts';
import { findPostmaster, stopPostgres } from './postmaster.ts';
import { isAlive, signal, waitForExit } from './process-identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'souk-postgres-'));
const options: PostgresOptions = {
  dataDir: join(folder, 'data'),
  password: 'superuser-password',
  logFile: join(folder, 'postgres.log'),
};
const databases = ['product_service', 'order_service'].map((name) => ({
  name,
  password: `password-of-${name}`,
}));
const [product, order] = databases as [(typeof databases)[0], (typeof databases)[0]];

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(options);
  await ensureDatabases(server.adminUrl(), databases);
});
afterAll(async () => {
  await stopPostgres(options.dataDir);
  rmSync(folder, { recursive: true, force: true });
});

async function query<T>(url: string, text: string): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    const { rows } = await client.query(text);
    return rows[0] as T;
  } finally {
    await client.end();
  }
}

describe('a service’s database', () => {
  it('belongs to the service’s role', async () => {
    const url = databaseUrl(server.port, order);
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await query(url, 'SELECT current_user AS role, current_database() AS name')).toEqual({
      role: 'order_service',
      name: 'order_service',
    });
  });

  it('lets no other role in, and no wrong password', async () => {
    const trespass = databaseUrl(server.port, order).replace(/order_service$/, 'product_service');
    await expect(query(trespass, 'SELECT 1')).rejects.toThrow(
      /permission denied for database "product_service"/,
    );
    await expect(
      query(databaseUrl(server.port, { ...product, password: 'guess' }), 'SELECT 1'),
    ).rejects.toThrow(/password authentication failed/);
  });

  it('is as it was when it is ensured again, with the password of now', async () => {
    await ensureDatabases(server.adminUrl(), [{ ...order, password: "it's new" }]);
    const url = databaseUrl(server.port, { ...order, password: encodeURIComponent("it's new") });
    expect(await query(url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
    await ensureDatabases(server.adminUrl(), databases);
  });
});

describe('the server', () => {
  it('waits for the disk', async () => {
    expect(
      await query(
        server.adminUrl(),
        `SELECT current_setting('fsync') || current_setting('synchronous_commit') AS on`,
      ),
    ).toEqual({ on: 'onon' });
  });

  it('has what was committed after kill -9, and takes over what the killed one left', async () => {
    signal(server.identity, 'SIGKILL');
    await waitForExit(server.identity, 5_000);
    server = await startPostgres(options);
    expect(await query(databaseUrl(server.port, order), 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('is stopped before another is started on its folder', async () => {
    const before = server.identity;
    server = await startPostgres(options);
    expect(isAlive(before)).toBe(false);
    expect(findPostmaster(options.dataDir)?.identity).toEqual(server.identity);
  });

  it('starts in spite of a lock whose pid has been given to another program', async () => {
    const lock = join(options.dataDir, 'postmaster.pid');
    const content = readFileSync(lock, 'utf8');
    await server.stop();
    writeFileSync(lock, content.replace(/^\d+/, String(process.pid)));
    server = await startPostgres(options);
    expect(isAlive(server.identity)).toBe(true);
  });

  it('can be stopped by a process that did not start it, and tells its starter', async () => {
    await stopPostgres(options.dataDir);
    await server.exited;
    expect(isAlive(server.identity)).toBe(false);
  });
});
