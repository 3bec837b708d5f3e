import { Counter, type Registry } from 'prom-client';

/** What a participant in distributed transactions counts. */
export interface ParticipantMetrics {
  /** Branch calls that didn't fit what the branch did before, by method and reason. */
  readonly conflicts: Counter<'method' | 'reason'>;
  /** Questions to the coordinator about hanging tries, by answer: commit, rollback, wait, or failed. */
  readonly inquiries: Counter<'answer'>;
}

/** Declares the metrics in `registry`. */
export function createParticipantMetrics(registry: Registry): ParticipantMetrics {
  return {
    conflicts: new Counter({
      name: 'participant_conflicts_total',
      help: 'Branches of distributed transactions answered with CONFLICT',
      labelNames: ['method', 'reason'],
      registers: [registry],
    }),
    inquiries: new Counter({
      name: 'participant_inquiries_total',
      help: 'Questions to the coordinator about tries that were left hanging',
      labelNames: ['answer'],
      registers: [registry],
    }),
  };
}

/** Counts those outcomes of a branch method that are conflicts: their reasons begin with BRANCH_. */
export function countConflicts(
  { conflicts }: ParticipantMetrics,
  method: string,
  outcomes: readonly { readonly reason: string }[],
): void {
  for (const { reason } of outcomes) if (reason.startsWith('BRANCH_')) conflicts.inc({ method, reason });
}
