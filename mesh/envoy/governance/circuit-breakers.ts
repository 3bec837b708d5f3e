import type { Resource } from '../resource.ts';

/** Bounds on what may be under way to one service. A call past them is answered UNAVAILABLE, and burdens nobody. */
export interface CircuitLimits {
  readonly connections: number;
  /** Calls that wait for a connection. */
  readonly pending: number;
  readonly calls: number;
}

/** Far above what these services take in, and far below what would take an Envoy's memory away. */
export const usualLimits: CircuitLimits = { connections: 1024, pending: 8192, calls: 8192 };

/** The bounds as a cluster has them. */
export function circuitBreakers({ connections, pending, calls }: CircuitLimits): Resource {
  return {
    circuit_breakers: {
      thresholds: [
        {
          max_connections: connections,
          max_pending_requests: pending,
          max_requests: calls,
          retry_budget: {
            // Of what is under way. How many failures are worth a try is for retry-budget.lua to say; this is for the
            // moment when one of two instances dies, and half of what is under way is tried again at once.
            budget_percent: { value: 20 },
            min_retry_concurrency: 128,
          },
        },
      ],
    },
  };
}
