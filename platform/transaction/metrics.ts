import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { TransactionObserver } from './observer.ts';
import type { TransactionLogger } from './runtime.ts';
import type { InFlight, TransactionRecords } from './sql-records.ts';

/** Upper bounds in seconds: from a transaction on one machine to one that waits for a participant to come back. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/**
 * Declares the metrics of distributed transactions. What this process did is counted; the gauges are read from the log
 * when they are scraped, so every replica says the same: take the maximum over replicas, not the sum.
 */
export function createTransactionMetrics(
  registry: Registry,
  records: Pick<TransactionRecords, 'inFlight'>,
  log: TransactionLogger,
): TransactionObserver {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const started = counter('transactions_started_total', 'Transactions begun by this process', ['kind']);
  const committed = counter('transactions_committed_total', 'Transactions that happened, on all sides', [
    'kind',
  ]);
  const rolledBack = counter('transactions_rolled_back_total', 'Transactions undone on all sides', ['kind']);
  const recoveries = counter('transactions_recovered_total', 'Takeovers of transactions left behind', [
    'kind',
  ]);
  const conflicts = counter(
    'transaction_branch_conflicts_total',
    "Participants' answers that a branch does not fit what it did before",
    ['kind', 'reason'],
  );
  const durations = new Histogram({
    name: 'transaction_duration_seconds',
    help: 'From the beginning of a transaction to its end on all sides',
    labelNames: ['kind', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  // One reading serves both gauges of a scrape. A scrape must tell the rest even when the database is away.
  let reading: Promise<InFlight[]> | undefined;
  const inFlight = (): Promise<InFlight[]> => {
    reading ??= records
      .inFlight()
      .catch((err: unknown) => {
        log.warn({ err }, 'open transactions could not be counted');
        return [];
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  new Gauge({
    name: 'transactions_in_flight',
    help: 'Open transactions, of all replicas',
    labelNames: ['kind', 'state'],
    registers,
    async collect() {
      const groups = await inFlight();
      this.reset();
      for (const { kind, state, count } of groups) this.labels(kind, state).set(count);
    },
  });
  new Gauge({
    name: 'transactions_oldest_age_seconds',
    help: 'Age of the oldest open transaction; 0 when there is none',
    registers,
    async collect() {
      this.set(Math.max(0, ...(await inFlight()).map(({ age }) => age)));
    },
  });

  return {
    started: (kind) => started.inc({ kind }),
    ended(kind, direction, seconds) {
      (direction === 'committed' ? committed : rolledBack).inc({ kind });
      durations.observe({ kind, outcome: direction }, seconds);
    },
    recovered: (kind) => recoveries.inc({ kind }),
    conflict: (kind, reason) => conflicts.inc({ kind, reason }),
  };
}
