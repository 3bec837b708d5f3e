import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { counter, gauge, histogram } from '../telemetry/instruments.ts';
import { ATTRIBUTES as A, METRICS } from '../telemetry/names.ts';
import { currentSpan, inSpan, nameOf } from '../telemetry/span.ts';
import type { Queryable } from './sql.ts';
import type { Summary } from './statement.ts';

/** Sees what is sent to a database. */
export interface StatementObserver {
  /** Runs a statement: measures it, and makes it a span of whatever recorded span it is part of. */
  statement<T>(summary: Summary, send: () => Promise<T>): Promise<T>;
  /** The same of a whole transaction, as a span alone. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
}

const SYSTEM = 'postgresql';

/** An observer of one database, by its name. Without a registry it measures nothing. */
export function observeStatements(database: string, registry?: Registry): StatementObserver {
  const durations = registry && histogram(registry, METRICS.dbOperations);
  const bound = new Map<string, { observe(seconds: number): void }>();
  const measure = (operation: string, error: string, start: number): void => {
    if (durations === undefined) return;
    const key = operation + error;
    let series = bound.get(key);
    if (series === undefined) {
      series = durations.labels({
        db_system_name: SYSTEM,
        db_namespace: database,
        db_operation_name: operation,
        error_type: error,
      });
      bound.set(key, series);
    }
    series.observe((performance.now() - start) / 1000);
  };
  const common = { [A.dbSystem]: SYSTEM, [A.dbNamespace]: database };

  return {
    async statement({ operation, text }, send) {
      const span = currentSpan();
      const start = performance.now();
      try {
        const attributes = { ...common, [A.dbOperation]: operation, [A.dbSummary]: text };
        const result = await (span === undefined
          ? send()
          : inSpan(span, () => ({ name: text, kind: 'client', attributes }), send));
        measure(operation, '', start);
        return result;
      } catch (error) {
        measure(operation, nameOf(error), start);
        throw error;
      }
    },
    transaction: (work) =>
      inSpan(currentSpan(), () => ({ name: 'transaction', kind: 'internal', attributes: common }), work),
  };
}

/** What PostgreSQL tells of a database. */
interface Statistics {
  readonly backends: number;
  readonly waiting: number;
  readonly oldest: number;
  readonly size: number;
  readonly commits: number;
  readonly rollbacks: number;
  readonly deadlocks: number;
  readonly hit: number;
  readonly read: number;
}

/** Scrapes that follow each other closely share one reading. In milliseconds. */
const FRESH_MS = 5_000;

/**
 * Declares the metrics of a pool's connections, and those of its database, which are read when they are scraped: every
 * process tells the same, so take the maximum over processes. Nothing is told of a database that can't be reached.
 */
export function createDatabaseMetrics(
  registry: Registry,
  database: string,
  pool: Pool,
  read: () => Promise<Statistics | undefined>,
): void {
  const named = { db_client_connection_pool_name: database };
  gauge(registry, METRICS.dbConnections, function () {
    const { totalCount, idleCount } = pool;
    this.set({ ...named, db_client_connection_state: 'idle' }, idleCount);
    this.set({ ...named, db_client_connection_state: 'used' }, totalCount - idleCount);
  });
  gauge(registry, METRICS.dbConnectionLimit, function () {
    this.set(named, pool.options.max);
  });
  gauge(registry, METRICS.dbPending, function () {
    this.set(named, pool.waitingCount);
  });

  let reading: Promise<Statistics | undefined> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  const statistics = (): Promise<Statistics | undefined> => {
    if (performance.now() > readAt + FRESH_MS) {
      readAt = performance.now();
      // A scrape must tell the rest even when the database is away.
      reading = read().catch(() => undefined);
    }
    return reading ?? Promise.resolve(undefined);
  };
  const gauges = {
    backends: METRICS.pgBackends,
    waiting: METRICS.pgWaiting,
    oldest: METRICS.pgLongest,
    size: METRICS.pgSize,
  } as const;
  for (const [field, spec] of Object.entries(gauges)) {
    gauge(registry, spec, async function () {
      this.reset();
      const known = await statistics();
      if (known) this.set({ db_namespace: database }, known[field as keyof Statistics]);
    });
  }
  const counters = {
    commits: METRICS.pgCommits,
    rollbacks: METRICS.pgRollbacks,
    deadlocks: METRICS.pgDeadlocks,
    hit: METRICS.pgBlocksHit,
    read: METRICS.pgBlocksRead,
  } as const;
  for (const [field, spec] of Object.entries(counters)) {
    counter(registry, spec, async function () {
      this.reset();
      const known = await statistics();
      if (known) this.inc({ db_namespace: database }, known[field as keyof Statistics]);
    });
  }
}

/** A query for {@link Statistics}, of some tenths of a millisecond. */
export const readStatistics = async (sql: Queryable): Promise<Statistics | undefined> => {
  const [row] = await sql<Statistics[]>`
    select numbackends as backends, xact_commit::float8 as commits, xact_rollback::float8 as rollbacks,
      deadlocks::float8 as deadlocks, blks_hit::float8 as hit, blks_read::float8 as read,
      pg_database_size(datid)::float8 as size, waiting, oldest
    from pg_stat_database, (
      select count(*) filter (where wait_event_type = 'Lock')::integer as waiting,
        coalesce(extract(epoch from max(now() - xact_start)), 0)::float8 as oldest
      from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    ) as activity
    where datname = current_database()`;
  return row;
};
