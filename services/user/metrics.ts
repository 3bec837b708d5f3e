import type { Histogram, Registry } from 'prom-client';
import { createParticipantMetrics, type ParticipantMetrics } from '../../platform/participant/metrics.ts';
import { histogram } from '../../platform/telemetry/instruments.ts';
import { METRICS } from '../../platform/telemetry/names.ts';

/** What this service measures beside its calls. */
export interface UserMetrics extends ParticipantMetrics {
  /** Seconds that a password hash took, without its wait. */
  readonly passwordHashes: Histogram;
}

/** Declares the metrics in `registry`. */
export function createUserMetrics(registry: Registry): UserMetrics {
  return {
    ...createParticipantMetrics(registry),
    passwordHashes: histogram(registry, METRICS.passwordHashes),
  };
}
