import { Counter, Histogram, type Registry } from 'prom-client';

/** What this service measures beside its calls. */
export interface UserMetrics {
  /** Branch calls that didn't fit what the branch did before, by method and reason. */
  readonly conflicts: Counter<'method' | 'reason'>;
  /** Seconds that a password hash took, without its wait. */
  readonly passwordHashes: Histogram;
}

/** Declares the metrics in `registry`. */
export function createUserMetrics(registry: Registry): UserMetrics {
  return {
    conflicts: new Counter({
      name: 'participant_conflicts_total',
      help: 'Branches of distributed transactions answered with CONFLICT',
      labelNames: ['method', 'reason'],
      registers: [registry],
    }),
    passwordHashes: new Histogram({
      name: 'password_hash_duration_seconds',
      help: 'Time to compute a password hash',
      buckets: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28],
      registers: [registry],
    }),
  };
}
