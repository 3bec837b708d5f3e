import { maxRetries } from '../../contract/retry.ts';
import type { MethodRoute } from '../contract.ts';
import { milliseconds, type Resource, typed } from '../resource.ts';
import { methodFilter } from './method-filter.ts';

/** What retry-budget.lua says to the router, and is told; none of it leaves the mesh. */
const RETRY = 'x-souk-retry';
/** Set by a sidecar whose service could not be reached. */
export const UNREACHED = 'x-souk-unreached';
/** Set by a service (platform/rpc/status.ts) on a failure of one that it called. */
const PASSED_ON = 'x-souk-passed-on';

/** Headers of answers that are the mesh's own business. */
export const privateAnswerHeaders = [RETRY, UNREACHED, PASSED_ON];

/** A filter between router and instance that says which UNAVAILABLE answers are worth another try. */
export const retryBudget = (contract: readonly MethodRoute[]): Resource =>
  methodFilter(
    'souk.retry_budget',
    'retry-budget.lua',
    contract.filter(({ retryable }) => retryable),
  );

/**
 * Tries a call again, elsewhere: when its instance can't be reached, cuts it off, or as retry-budget.lua asks.
 *
 * @param tryMs how long a try may take; undefined: as long as the call
 */
export function retryPolicy(tryMs: number | undefined): Resource {
  return {
    retry_on: 'connect-failure,refused-stream,reset,retriable-headers',
    retriable_headers: [{ name: RETRY, present_match: true }],
    num_retries: maxRetries,
    ...(tryMs === undefined ? {} : { per_try_timeout: milliseconds(tryMs) }),
    retry_host_predicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        typed_config: typed('envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate'),
      },
    ],
    // A dead instance has no calls under way, so "least request" likes it best: with two instances it is picked
    // three times in four, until health checks or ejection catch up. Hence many tries to pick another.
    host_selection_retry_max_attempts: 32,
    retry_back_off: { base_interval: '0.01s', max_interval: '0.1s' },
  };
}
