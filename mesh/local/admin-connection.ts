import pg from 'pg';
import type { PostgresServer } from './postgres.ts';

/** Longest, in milliseconds, to wait for a connection and for a statement's answer. */
export interface Patience {
  readonly connectMs?: number;
  readonly queryMs?: number;
}

/** Connects to a server as its superuser, and closes the connection when `work` is done. */
export async function asAdmin<T>(
  server: PostgresServer,
  work: (admin: pg.Client) => Promise<T>,
  { connectMs = 2_000, queryMs = 2_000 }: Patience = {},
): Promise<T> {
  const admin = new pg.Client({
    connectionString: server.adminUrl(),
    connectionTimeoutMillis: connectMs,
    query_timeout: queryMs,
    application_name: 'launcher',
  });
  // A lost connection fails the next statement.
  admin.on('error', () => {});
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.end().catch(() => {});
  }
}

/**
 * What a server says that it is. `busy`: it answers, and lets nobody in for the moment. Undefined: it doesn't answer in
 * time.
 */
export async function roleOf(server: PostgresServer): Promise<'primary' | 'standby' | 'busy' | undefined> {
  try {
    return await asAdmin(server, async (admin) => {
      const { rows } = await admin.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
      return rows[0]?.standby ? 'standby' : 'primary';
    });
  } catch (cause) {
    return cause instanceof pg.DatabaseError ? 'busy' : undefined;
  }
}

/** Makes a standby a primary. Nothing happens to a server that is one already. */
export async function promote(server: PostgresServer): Promise<void> {
  await asAdmin(
    server,
    async (admin) => {
      const { rows } = await admin.query<{ done: boolean }>(
        'select not pg_is_in_recovery() or pg_promote(wait => true, wait_seconds => 120) as done',
      );
      if (!rows[0]?.done) throw new Error('the standby does not become the primary in 120 s');
    },
    { connectMs: 5_000, queryMs: 125_000 },
  );
}
