import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import { chown, copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
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

/**
 * Copies the cluster of a running server to the folder `to`, in place of what is there, and makes it a standby's. To
 * be started it needs the server's log since now, which a replication slot has to keep. What is there when `signal`
 * aborts is of no use.
 */
export async function copyCluster(server: PostgresServer, to: string, signal: AbortSignal): Promise<void> {
  await rm(to, { recursive: true, force: true });
  // Its session is what keeps the backup going.
  const session = new pg.Client({ connectionString: server.adminUrl() });
  session.on('error', () => {});
  await session.connect();
  try {
    await session.query("select pg_backup_start('standby', fast => true)");
    const owner = await stat(server.dataDir);
    await makeFolder(to, owner);
    await copyFolder(server.dataDir, to, owner, signal);
    const { rows } = await session.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    );
    writeAs(to, 'backup_label', rows[0]?.labelfile ?? '');
    writeAs(to, 'standby.signal', '');
  } finally {
    await session.end();
  }
}

async function makeFolder(path: string, { uid, gid }: Stats): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  await chown(path, uid, gid);
}

async function copyFolder(from: string, to: string, owner: Stats, signal: AbortSignal): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    signal.throwIfAborted();
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (NOT_COPIED.test(entry.name)) continue;
    if (entry.isDirectory()) {
      await makeFolder(target, owner);
      if (!LEFT_EMPTY.has(entry.name)) await copyFolder(source, target, owner, signal);
    } else {
      await copyOne(source, target, owner);
    }
  }
}

async function copyOne(source: string, target: string, { uid, gid }: Stats): Promise<void> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chown(target, uid, gid);
  } catch (cause) {
    // A table was dropped meanwhile: the log tells.
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
  }
}
