import { rateLimits, usualRates } from '../envoy/governance/rate-limits.ts';
import { privateAnswerHeaders, retryPolicy } from '../envoy/governance/retries.ts';
import { gatewayReplies, localReplies } from '../envoy/local-replies.ts';
import type { Resource } from '../envoy/resource.ts';
import { NAMESPACE } from '../identity/spiffe.ts';
import type { Gateway } from './names.ts';
import { type Operation, patch } from './patch.ts';

const LISTENERS: Record<Gateway, string> = { gateway: 'https', internal: 'grpc' };

/** Envoy Gateway's name for a gateway's listener, and for its routes. */
const listenerName = (gateway: Gateway): string => `${NAMESPACE}/${gateway}/${LISTENERS[gateway]}`;

/**
 * When a call is tried again: as governance/retries.ts says. BackendTrafficPolicies can only ask for all that is
 * UNAVAILABLE, also when it comes from further away and has been tried again there.
 */
export function retryPatches(gateway: Gateway): Resource[] {
  const { retry_on, retriable_headers, host_selection_retry_max_attempts } = retryPolicy(undefined);
  const tried = '$..routes[?@.route.retry_policy].route.retry_policy';
  const operations: Operation[] = [
    { op: 'replace', jsonPath: tried, path: '/retry_on', value: retry_on },
    { op: 'add', jsonPath: tried, path: '/retriable_headers', value: retriable_headers },
    {
      op: 'replace',
      jsonPath: tried,
      path: '/host_selection_retry_max_attempts',
      value: host_selection_retry_max_attempts,
    },
    // The budget is filled by first attempts.
    { op: 'add', path: '/virtual_hosts/0/include_request_attempt_count', value: true },
    { op: 'add', path: '/virtual_hosts/0/response_headers_to_remove', value: privateAnswerHeaders },
  ];
  return operations.map((operation) =>
    patch('route.v3.RouteConfiguration', listenerName(gateway), operation),
  );
}

/** How Envoy's own answers look: as on one machine, and not as Envoy translates HTTP's statuses by itself. */
export function localReplyPatches(gateway: Gateway): Resource[] {
  const connections = "$..filters[?@.name=='envoy.filters.network.http_connection_manager'].typed_config";
  return [
    patch('listener.v3.Listener', listenerName(gateway), {
      op: 'add',
      jsonPath: connections,
      path: '/local_reply_config',
      value: gateway === 'gateway' ? gatewayReplies : localReplies,
    }),
  ];
}

/**
 * How often a client may call. Envoy Gateway's own limit counts each route apart, and answers UNAVAILABLE, which
 * invites another try.
 */
export function rateLimitPatches(gateway: Gateway): Resource[] {
  const beforeRouter = "$..http_filters[?@.name=='envoy.filters.http.router']";
  const operation: Operation = { op: 'add', jsonPath: beforeRouter, value: rateLimits(usualRates) };
  return [patch('listener.v3.Listener', listenerName(gateway), operation)];
}
