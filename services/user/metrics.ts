import { Histogram, type Registry } from 'prom-client';
import { createParticipantMetrics, type ParticipantMetrics } from '../../platform/participant/metrics.ts';

/** What this service measures beside its calls. */
export interface UserMetrics extends ParticipantMetrics {
  /** Seconds that a password hash took, without its wait. */
  readonly passwordHashes: Histogram;
}

/** Declares the metrics in `registry`. */
export function createUserMetrics(registry: Registry): UserMetrics {
  return {
    ...createParticipantMetrics(registry),
    passwordHashes: new Histogram({
      name: 'password_hash_duration_seconds',
      help: 'Time to compute a password hash',
      buckets: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28],
      registers: [registry],
    }),
  };
}
