import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { asAdmin } from './admin-connection.ts';
import { loopback } from './free-port.ts';
import type { PostgresServer } from './postgres.ts';
import type { Replication } from './postgres-settings.ts';

/** Of the standby: its role, its replication slot, and what the primary knows it by. */
const NAME = 'postgres_standby';
/** Longest, in milliseconds, until the primary waits for its standby and this has caught up, while both run. */
const PATIENCE_MS = 15_000;

/** The settings of a standby of the server on `port`. The password must need no escaping. */
export function following(port: number, password: string): Replication {
  const primary = `host=${loopback} port=${port} user=${NAME} password=${password}`;
  return {
    primary_conninfo: `${primary} application_name=${NAME} connect_timeout=3`,
    primary_slot_name: NAME,
  };
}

/** Makes the role by which a standby reads the log, or gives it its password of now. */
export async function ensureReplicationRole(admin: pg.Client, password: string): Promise<void> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [NAME]);
  await admin.query(
    `${rowCount === 0 ? 'create' : 'alter'} role ${NAME} login replication password ${admin.escapeLiteral(password)}`,
  );
}

/** From now on the server keeps its log until a standby has read it. */
export async function keepLog(admin: pg.Client): Promise<void> {
  await forgetStandby(admin);
  await admin.query('select pg_create_physical_replication_slot($1, immediately_reserve => true)', [NAME]);
}

/** The server keeps no log any longer. */
export async function forgetStandby(admin: pg.Client): Promise<void> {
  const slot = 'from pg_replication_slots where slot_name = $1';
  await admin.query(`select pg_terminate_backend(active_pid, timeout => 1000) ${slot}`, [NAME]);
  await admin.query(`select pg_drop_replication_slot(slot_name) ${slot}`, [NAME]);
}

/** How far the standby is: `streaming` if it gets what is new, `catchup` if it is still getting what is old. */
export async function standbyState(admin: pg.Client): Promise<string | undefined> {
  const { rows } = await admin.query<{ state: string }>(
    'select state from pg_stat_replication where application_name = $1',
    [NAME],
  );
  return rows[0]?.state;
}

/**
 * Makes each commit wait for the standby. When this resolves to true, all that was acknowledged is on the standby's
 * disk, and whatever will be is too; to false, if the standby is lost meanwhile or doesn't get that far.
 */
export async function waitForStandby(server: PostgresServer, signal: AbortSignal): Promise<boolean> {
  await asAdmin(server, async (admin) => {
    await admin.query(`alter system set synchronous_standby_names = '${NAME}'`);
    await admin.query('select pg_reload_conf()');
  });
  let since: string | undefined;
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    // Each time by a new connection.
    const there = await asAdmin(
      server,
      async (admin) => {
        since ??= await waitsSince(admin);
        return since === undefined ? false : hasReached(admin, since);
      },
      { queryMs: PATIENCE_MS },
    );
    if (there !== false) return there === true;
    await sleep(100, undefined, { signal });
  }
  return false;
}

/**
 * A position in the log behind which is all that was acknowledged without waiting; undefined while that goes on. Commits
 * wait once the checkpointer has read the new settings. A connection that has them from its start tells that all
 * processes have been told to read them; a checkpoint, that the checkpointer did.
 */
async function waitsSince(admin: pg.Client): Promise<string | undefined> {
  const names = await admin.query<{ synchronous_standby_names: string }>('show synchronous_standby_names');
  if (names.rows[0]?.synchronous_standby_names !== NAME) return undefined;
  await admin.query('checkpoint');
  const { rows } = await admin.query<{ lsn: string }>('select pg_current_wal_flush_lsn() as lsn');
  return rows[0]?.lsn;
}

/** Whether the standby is waited for and has the log on disk up to there; undefined if it is not connected. */
async function hasReached(admin: pg.Client, lsn: string): Promise<boolean | undefined> {
  const { rows } = await admin.query<{ there: boolean }>(
    `select sync_state = 'sync' and coalesce(flush_lsn >= $2::pg_lsn, false) as there
     from pg_stat_replication where application_name = $1`,
    [NAME, lsn],
  );
  return rows[0]?.there;
}

/** Commits wait for no standby any more, those under way included. */
export async function dontWait(admin: pg.Client): Promise<void> {
  await admin.query('alter system reset synchronous_standby_names');
  await admin.query('select pg_reload_conf()');
}
