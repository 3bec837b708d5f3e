import type { Method } from '../../contract/method.ts';
import type { Resource } from '../resource.ts';

/**
 * Bounds on what may be under way to one service. A call past them is refused at once, and burdens nobody; but so is the
 * second try of one whose first try has failed and given up its place.
 */
export interface CircuitLimits {
  readonly connections: number;
  /** Calls that wait for a connection. */
  readonly pending: number;
  readonly calls: number;
}

/** Far above what these services take in, and far below what would take an Envoy's memory away. */
export const usualLimits: CircuitLimits = { connections: 1024, pending: 8192, calls: 8192 };

/** How many of a service's calls may be under way on one processor, for each second that such a call may take. */
const CALLS_PER_PROCESSOR_SECOND = 16;
/** On the smallest machine too: so many a program may send at once. */
const FEWEST_CALLS = 128;

/** What a limit has to know of a method. */
type Timed = Pick<Method, 'service' | 'access' | 'streaming' | 'timeoutMs'>;

/**
 * Those of each service at the gateway of a shop that runs on one machine: its load shedding. What is let in beyond what
 * the processors can do only waits, until its time is over and all that was done for it is wasted; so a service may have
 * the more under way, the longer its users' calls may take. Its instances don't count: they share the processors.
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
    const calls = Math.round(CALLS_PER_PROCESSOR_SECOND * processors * seconds);
    return { ...usualLimits, calls: Math.max(FEWEST_CALLS, calls) };
  };
}

/**
 * Of a route: its calls have the usual limits, whatever the cluster's are. For streams, which last, and for what serves a
 * call that has been let in: to refuse that would waste what was done for it.
 */
export const highPriority: Resource = { priority: 'HIGH' };

/** The bounds as a cluster has them. */
export function circuitBreakers(limits: CircuitLimits): Resource {
  return {
    circuit_breakers: { thresholds: [threshold(limits), { ...threshold(usualLimits), priority: 'HIGH' }] },
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
