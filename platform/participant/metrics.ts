import type { Counter, Registry } from 'prom-client';
import { counter, type Labels } from '../telemetry/instruments.ts';
import { METRICS } from '../telemetry/names.ts';

/** What a participant in distributed transactions counts. */
export interface ParticipantMetrics {
  /** Branch calls that didn't fit what the branch did before. */
  readonly conflicts: Counter<Labels<typeof METRICS.participantConflicts>>;
  /** Questions to the coordinator about hanging tries, by answer: commit, rollback, wait, or failed. */
  readonly inquiries: Counter<Labels<typeof METRICS.participantInquiries>>;
}

/** Declares the metrics in `registry`. */
export function createParticipantMetrics(registry: Registry): ParticipantMetrics {
  return {
    conflicts: counter(registry, METRICS.participantConflicts),
    inquiries: counter(registry, METRICS.participantInquiries),
  };
}

/** Counts those outcomes of a branch method that are conflicts: their reasons begin with BRANCH_. */
export function countConflicts(
  { conflicts }: ParticipantMetrics,
  method: string,
  outcomes: readonly { readonly reason: string }[],
): void {
  for (const { reason } of outcomes)
    if (reason.startsWith('BRANCH_')) conflicts.inc({ souk_transaction_step: method, souk_reason: reason });
}
