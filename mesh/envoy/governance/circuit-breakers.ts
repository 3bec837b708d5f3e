import type { Method } from '../../contract/method.ts';
import type { Resource } from '../resource.ts';

/** Bounds on what may be under way to one service. A call past them is refused at once, and burdens nobody. */
export interface CircuitLimits {
  readonly connections: number;
  /** Calls that wait for a connection. */
  readonly pending: number;
  readonly calls: number;
}

/** Far above what these services take in, and far below what would take an Envoy's memory away. */
export const usualLimits: CircuitLimits = { connections: 1024, pending: 8192, calls: 8192 };

/** How many of a service's calls may be under way on one processor, for each second that such a call may take. */
const CALLS_PER_SECOND = 16;

/** What a limit has to know of a method. */
type Timed = Pick<Method, 'service' | 'access' | 'streaming' | 'timeoutMs'>;

/**
 * Those of each service at the gateway of a shop that runs on one machine. What is let in beyond what its processors
 * can do only waits, until its time is over and all that was done for it is wasted; so a service may have the more
 * under way, the longer its users' calls may take. Its instances don't count: they share the processors.
 *
 * @param processors counted as two if it is one: a crowd of a few hundred that comes at once is let in everywhere
 */
export function limitsOn(processors: number, contract: readonly Timed[]): (service: string) => CircuitLimits {
  return (service) => {
    const users = contract.filter(
      (method) =>
        method.service === service &&
        !method.streaming &&
        (method.access === 'public' || method.access === 'user'),
    );
    const seconds = Math.max(1_000, ...users.map(({ timeoutMs }) => timeoutMs)) / 1_000;
    return { ...usualLimits, calls: Math.round(CALLS_PER_SECOND * Math.max(2, processors) * seconds) };
  };
}

/**
 * Of a route: its calls have only the usual limits, whatever the cluster's are. For streams, which last, and for what
 * serves a call that has been let in: to refuse that would waste what was done for it.
 */
export const admitted: Resource = { priority: 'HIGH' };

/** The bounds as a cluster has them. */
export function circuitBreakers(limits: CircuitLimits): Resource {
  return {
    circuit_breakers: { thresholds: [threshold(limits), { ...threshold(usualLimits), ...admitted }] },
  };
}

function threshold({ connections, pending, calls }: CircuitLimits): Resource {
  return {
    max_connections: connections,
    max_pending_requests: pending,
    max_requests: calls,
    retry_budget: {
      // Of what is under way. How many failures are worth a try is for retry-budget.lua to say; this is for the
      // moment when one of two instances dies, and half of what is under way is tried again at once.
      budget_percent: { value: 20 },
      min_retry_concurrency: 128,
    },
  };
}
