import { chownSync, copyFileSync, mkdirSync, readdirSync, rmSync, type Stats, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import type { PostgresServer } from './postgres.ts';
import { writeAs } from './write-as.ts';

// https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP-DATA
/** What belongs to the running server. */
const NOT_COPIED =
  /^(postmaster\.(pid|opts)|pg_internal\.init.*|pgsql_tmp.*|backup_label.*|standby\.signal)$/;
/** The contents of these belong to it as well; and the log is had from the server, from where the copy begins. */
const LEFT_EMPTY = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
/** In bytes. */
const LARGE = 1024 * 1024;

/**
 * Copies the cluster of a running server to the folder `to`, in place of what is there, and makes it a standby's. To
 * be started it needs the server's log since now, which a replication slot has to keep. What is there when `signal`
 * aborts is of no use.
 */
export async function copyCluster(server: PostgresServer, to: string, signal: AbortSignal): Promise<void> {
  rmSync(to, { recursive: true, force: true });
  // Its session is what keeps the backup going.
  const session = new pg.Client({ connectionString: server.adminUrl() });
  session.on('error', () => {});
  await session.connect();
  try {
    await session.query("select pg_backup_start('standby', fast => true)");
    await copyFolder(server.dataDir, to, statSync(server.dataDir), signal);
    const { rows } = await session.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    );
    writeAs(to, 'backup_label', rows[0]?.labelfile ?? '');
    writeAs(to, 'standby.signal', '');
  } finally {
    await session.end();
  }
}

/** Copies a folder and its folders; of those that are to be left empty, nothing but the folder. */
async function copyFolder(from: string, to: string, owner: Stats, signal: AbortSignal): Promise<void> {
  mkdirSync(to, { mode: 0o700 });
  chownSync(to, owner.uid, owner.gid);
  if (LEFT_EMPTY.has(basename(from))) return;
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (NOT_COPIED.test(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(source, target, owner, signal);
    else await copyOne(source, target, owner);
  }
  // The launcher has other things to do.
  await setImmediate(undefined, { signal });
}

async function copyOne(source: string, target: string, { uid, gid }: Stats): Promise<void> {
  try {
    // There are thousands of small ones, which are copied sooner than a thread is woken up to copy them.
    if (statSync(source).size > LARGE) await copyFile(source, target);
    else copyFileSync(source, target);
    chownSync(target, uid, gid);
  } catch (cause) {
    // A table was dropped meanwhile: the log tells.
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
}
