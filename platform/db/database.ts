import pg from 'pg';
import type { Registry } from 'prom-client';
import type { Logger } from '../telemetry/log.ts';
import { asConnectionFailure } from './errors.ts';
import { createServers, readOnlyFailure, takesWrites } from './servers.ts';
import { createSql, type Sql } from './sql.ts';
import { createDatabaseMetrics, observeStatements, readStatistics } from './telemetry.ts';

export type { Listener } from './listen.ts';
export type { Query, Queryable, Sql, Transaction } from './sql.ts';

/** What {@link connect} needs of a service's configuration. */
export interface DatabaseConfig {
  /** Of one server, or of several of which one takes writes: see servers.ts. */
  readonly DATABASE_URL: string;
  readonly DATABASE_POOL_SIZE: number;
  /** Shown as application_name in pg_stat_activity. */
  readonly INSTANCE: string;
}

/** A service's database. */
export interface Database {
  readonly sql: Sql;
  /** Whether the server answers, within PING_TIMEOUT_MS, and takes writes if there are several. Rejects otherwise. */
  ping(): Promise<void>;
  /** Closes every connection, after the statements under way; they get CLOSE_TIMEOUT_MS at most. */
  close(): Promise<void>;
}

/** Longest a statement may run. No method waits longer than this for one. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** Longest an open transaction may sit idle: an aborted handler must not keep its locks. */
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000;
/** Longest to wait for a connection, be it made or be it lent by the pool. */
const CONNECT_TIMEOUT_MS = 2_000;
const PING_TIMEOUT_MS = 1_000;
const CLOSE_TIMEOUT_MS = 2_000;
/**
 * A prepared statement keeps its plan for as long as its connection lives, or until the table is analyzed. Made while
 * the table is new, and looks small, it would read all of it ever after. So an index is used wherever there is one. Such
 * a plan's nominal cost must not call the compiler, which takes longer than any statement here.
 */
const PLANS = '-c enable_seqscan=off -c jit=off';
/** A connection that nobody needs is closed, and with it its server process. */
const IDLE_MS = 60_000;

const parseBigint = (text: string) => BigInt(text);
const parseArray = pg.types.getTypeParser(1009 as number) as (text: string) => string[];
/** int8 and int8[] as bigint: a JavaScript number holds 53 bits. */
const parsers = new Map<number, (text: string) => unknown>([
  [20, parseBigint],
  [1016, (text) => parseArray(text).map(parseBigint)],
]);
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    parsers.get(oid) ?? pg.types.getTypeParser(oid, format as 'text'),
} as pg.CustomTypesConfig;

/**
 * Opens a pool; connections are made when first used. While the server is away statements fail with a connection
 * failure, at once where the port is closed and within CONNECT_TIMEOUT_MS otherwise; when it is back they work again.
 * Metrics of statements and connections are declared in `registry`, if there is one.
 */
export function connect(config: DatabaseConfig, log: Logger, registry?: Registry): Database {
  const servers = createServers(config.DATABASE_URL);
  const connection = {
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types,
  };
  const pool = servers.pool({
    ...connection,
    max: config.DATABASE_POOL_SIZE,
    idleTimeoutMillis: IDLE_MS,
    application_name: config.INSTANCE,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    options: PLANS,
  });
  // A connection of its own: a busy pool must not look like a lost server, or load would take instances out.
  const probe = servers.pool({
    ...connection,
    max: 1,
    connectionTimeoutMillis: PING_TIMEOUT_MS,
    application_name: `${config.INSTANCE} health`,
    query_timeout: PING_TIMEOUT_MS,
  });
  // Of connections that nobody is using; the pool makes others.
  for (const each of [pool, probe]) each.on('error', (err) => log.debug({ err }, 'idle connection lost'));

  // A client that is lent has no listener of the pool's, so that between two statements of a transaction its loss
  // would be an uncaught exception. The transaction's next statement tells it.
  for (const each of [pool, probe]) each.on('connect', (client) => client.on('error', () => {}));

  let closing: Promise<void> | undefined;
  const close = async () => {
    const closed = Promise.all([pool.end(), probe.end()]);
    const late = setTimeout(() => {
      log.warn('closed the database with statements under way');
      void servers.cutAll();
    }, CLOSE_TIMEOUT_MS);
    await closed;
    clearTimeout(late);
  };

  const name = nameOf(config.DATABASE_URL);
  const sql = createSql(pool, servers, observeStatements(name, registry));
  if (registry !== undefined) createDatabaseMetrics(registry, name, pool, () => readStatistics(sql));

  return {
    sql,
    async ping() {
      const writable = await takesWrites(probe).catch((error) => Promise.reject(asConnectionFailure(error)));
      if (writable || !servers.several) return;
      await servers.cutAll();
      throw readOnlyFailure();
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** A URL's database. Its hosts may be several, which no URL parser takes. */
const nameOf = (url: string): string => /^[^/]+\/\/[^/]+\/([^?]+)/.exec(url)?.[1] ?? '';
