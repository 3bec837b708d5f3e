import type { Registry } from 'prom-client';
import { counter, gauge, histogram } from '../telemetry/instruments.ts';
import { METRICS } from '../telemetry/names.ts';
import type { TransactionObserver } from './observer.ts';
import type { TransactionLogger } from './runtime.ts';
import type { InFlight, TransactionRecords } from './sql-records.ts';

/**
 * Declares the metrics of distributed transactions. What this process did is counted; the gauges are read from the log
 * when they are scraped, so every replica says the same: take the maximum over replicas, not the sum.
 */
export function createTransactionMetrics(
  registry: Registry,
  records: Pick<TransactionRecords, 'inFlight'>,
  log: TransactionLogger,
): TransactionObserver {
  const started = counter(registry, METRICS.transactionsStarted);
  const durations = histogram(registry, METRICS.transactionsEnded);
  const recovered = counter(registry, METRICS.transactionsRecovered);
  const conflicts = counter(registry, METRICS.branchConflicts);
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
  gauge(registry, METRICS.transactionsInFlight, async function () {
    const groups = await inFlight();
    this.reset();
    for (const { kind, state, count } of groups)
      this.set({ souk_transaction_kind: kind, souk_transaction_state: state }, count);
  });
  gauge(registry, METRICS.transactionsOldest, async function () {
    this.set(Math.max(0, ...(await inFlight()).map(({ age }) => age)));
  });

  return {
    started: (kind) => started.inc({ souk_transaction_kind: kind }),
    ended: (kind, direction, seconds) =>
      durations.observe({ souk_transaction_kind: kind, souk_transaction_outcome: direction }, seconds),
    recovered: (kind) => recovered.inc({ souk_transaction_kind: kind }),
    conflict: (kind, reason) => conflicts.inc({ souk_transaction_kind: kind, souk_reason: reason }),
  };
}
