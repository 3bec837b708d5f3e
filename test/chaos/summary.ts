import type { RequestRecord } from '../invariants/given.ts';
import type { ChaosReport } from './run.ts';

/** A report for people. */
export function summary(report: ChaosReport): string {
  const { tally, world, acts, spoilt, recovery, quietMs, violations, seed } = report;
  const broker = report.events === 'nats' ? `, ${acts.broker} of the broker` : '';
  const requests = (creation: RequestRecord['creation']) =>
    world.requests.filter((record) => record.creation === creation);
  const placed = requests('placed');
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const outcomes = [...tally.outcomes()].map(([method, counts]) => {
    const sorted = [...counts].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${outcome} ${count}`);
    return `  ${method}: ${sorted.join(', ')}`;
  });
  return [
    `Calls: ${tally.calls()}`,
    ...outcomes,
    `Requests to order: ${world.requests.length}; placed ${placed.length} (of which cancelled ` +
      `${placed.filter(({ cancelled }) => cancelled === 'yes').length}), refused ${requests('refused').length}, ` +
      `given up ${requests('unknown').length}`,
    `Acts: ${acts.kill} instances killed, ${acts.sidecar} sidecars; ${acts.pause} paused; ${acts.database} restarts of PostgreSQL` +
      `${broker}, ${acts.gateway} of the gateway; ${acts.faults} times faults between services (${spoilt.delayed} calls delayed, ` +
      `${spoilt.dropped} dropped)`,
    `Transactions: ${recovery.transactions}, ${recovery.takenOver} taken over, the slowest took ` +
      `${seconds(recovery.slowestMs)} (${recovery.slowest}); the slowest call, repeats included, ${seconds(tally.slowestMs())}; quiet ` +
      `${seconds(quietMs)} after the end`,
    `Events: ${report.productEffects} effects of products' events in order, once each` +
      (broker && `; the broker holds ${report.brokered} messages`),
    `Violations: ${violations.length}`,
    ...violations.slice(0, 50).map((violation) => `  ${violation}`),
    `Journal: ${report.journal}`,
    `Again: make chaos SEED=${seed} MINUTES=${report.minutes} EVENTS=${report.events}`,
  ].join('\n');
}
