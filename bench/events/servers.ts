import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { brokerIsReady, startBroker } from '../../mesh/local/broker.ts';
import { readConfig } from '../../mesh/local/config.ts';
import { findNats } from '../../mesh/local/nats-binary.ts';
import { pathsIn, prepareFolders } from '../../mesh/local/paths.ts';
import { startPostgres } from '../../mesh/local/postgres.ts';
import { secretsIn } from '../../mesh/local/secrets.ts';

/** A PostgreSQL and a broker without a shop, in a folder of their own. */
export interface EventServers {
  /** Makes a database that has the tables of platform/events, and one of effects. Returns its URL. */
  makeDatabase(name: string): Promise<string>;
  readonly postgres: number;
  /** Undefined where there is no nats-server, or none is wanted. */
  readonly broker: { readonly url: string; readonly pid: number } | undefined;
  stop(): Promise<void>;
}

/** Whoever consumes is a publisher as well, as every service is. pg-boss leaves them alone. */
const FILES = ['outbox.sql', 'inbox.sql'];
const EFFECTS = 'create table effects (subject uuid not null, number bigint not null)';

/** Starts them, or PostgreSQL alone. As in a shop, a commit waits for the disk. */
export async function startEventServers(withBroker = true): Promise<EventServers> {
  const home = mkdtempSync(join(tmpdir(), 'souk-bench-'));
  const paths = pathsIn(home);
  prepareFolders(paths);
  const server = await startPostgres({
    dataDir: join(home, 'postgres'),
    password: randomBytes(16).toString('hex'),
    logFile: join(home, 'postgres.log'),
  });
  const binary = withBroker ? findNats(readConfig()) : undefined;
  const quiet = { changed: () => {}, log: console.warn, longestDelayMs: undefined };
  const broker = binary && (await startBroker({ paths, secrets: secretsIn(paths.secrets), binary }, quiet));
  if (broker) await brokerIsReady(broker);
  return {
    makeDatabase: (name) => makeDatabase(server.adminUrl(), name),
    postgres: server.identity.pid,
    broker: broker ? { url: broker.url, pid: broker.running()?.identity.pid ?? 0 } : undefined,
    async stop() {
      if (broker) await broker.stop();
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Makes a database as {@link EventServers.makeDatabase} does, on a server that `adminUrl` reaches. */
async function makeDatabase(adminUrl: string, name: string): Promise<string> {
  const url = new URL(adminUrl);
  url.pathname = '/postgres';
  await run(url.href, `create database ${name}`);
  url.pathname = `/${name}`;
  const read = (file: string) =>
    readFileSync(new URL(`../../platform/events/${file}`, import.meta.url), 'utf8');
  await run(url.href, [...FILES.map(read), EFFECTS].join(';\n'));
  return url.href;
}

/** Runs statements in a database, and returns the rows of a single one. */
export async function run(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
