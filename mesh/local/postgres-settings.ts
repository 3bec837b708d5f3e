import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loopback } from './free-port.ts';
import { writeAs } from './write-as.ts';

/** What the children of the server on `dataDir`, and of no other, are called in the list of processes begins with this. */
export function processTitle(dataDir: string): string {
  return `postgres: ${clusterName(dataDir)}: `;
}

const clusterName = (dataDir: string) =>
  `souk-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;

/** A server's settings, as arguments of its program. */
export function settings(dataDir: string, port: number, durable: boolean): string[] {
  const values = {
    port,
    listen_addresses: loopback,
    // TCP on loopback alone: a socket's path would have to be short and reachable by whoever runs the server.
    unix_socket_directories: '',
    max_connections: 200,
    // For one small machine with hundreds of megabytes of data; the operating system caches the rest.
    shared_buffers: '64MB',
    wal_level: 'replica',
    max_wal_size: '256MB',
    // A standby that is away for longer than this allows is copied anew.
    max_slot_wal_keep_size: '1GB',
    // A standby that hangs is let go of after this, and one that was let go of is back soon.
    wal_sender_timeout: '4s',
    wal_receiver_timeout: '4s',
    wal_receiver_status_interval: '1s',
    wal_retrieve_retry_interval: '500ms',
    // Short statements by key: no parallel plans, no just-in-time compilation, no separate processes for reading.
    max_parallel_workers_per_gather: 0,
    jit: 'off',
    io_method: 'sync',
    cluster_name: clusterName(dataDir),
    log_line_prefix: '%m [%p] %q%u ',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // A commit waits for a standby too, where there is one.
    synchronous_commit: 'on',
    ...(durable ? { fsync: 'on' } : { fsync: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** What makes a server a primary or a standby, for as long as it is one. */
export interface Replication {
  readonly synchronous_standby_names?: string;
  readonly primary_conninfo?: string;
  readonly primary_slot_name?: string;
}

/** Replaces these settings of a server that doesn't run; others that were made by ALTER SYSTEM stay. */
export function writeReplication(dataDir: string, replication: Replication): void {
  const file = join(dataDir, 'postgresql.auto.conf');
  const others = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^(synchronous_standby_names|primary_conninfo|primary_slot_name)\b/.test(line));
  const ours = Object.entries(replication).map(([name, value]) => `${name} = '${value}'\n`);
  writeAs(dataDir, 'postgresql.auto.conf', others.join('\n') + ours.join(''));
}
