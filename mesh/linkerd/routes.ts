import type { Method } from '../contract/method.ts';
import { maxRetries, tryTimeoutMs } from '../contract/retry.ts';
import { grpcRoute, healthService, type Manifest, reflectionServices } from './resource.ts';

/**
 * How the proxies of a service's callers treat its methods: a route for each combination of timeout and retries.
 * A Service that has routes has no others, so health and reflection have theirs.
 *
 * @param methods those of the one service
 */
export function outboundRoutes(service: string, methods: readonly Method[]): Manifest[] {
  const parent = { group: '', kind: 'Service', name: service } as const;
  const groups = [...Map.groupBy(methods, routeName)].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...groups.map(([name, members]) =>
      grpcRoute({
        name,
        parent,
        matches: members.map((method) => ({ service: method.grpcService, method: method.name })),
        annotations: annotations(members[0] as Method),
      }),
    ),
    grpcRoute({ name: `${service}-unlisted`, parent, matches: [healthService, ...reflectionServices] }),
  ];
}

/** `order-2s-retried`, `order-10s-once`, `order-stream-retried`: the same for methods that are treated alike. */
function routeName({ service, streaming, timeoutMs, retryable }: Method): string {
  const timeout = timeoutMs === 0 ? [] : [duration(timeoutMs)];
  return [service, ...(streaming ? ['stream'] : []), ...timeout, retryable ? 'retried' : 'once'].join('-');
}

/**
 * A method that may not be called twice gets no retry annotation at all: any one of them alone lets the proxy try
 * again. And its Service must have none, as it would give them to the routes without.
 */
function annotations(method: Method): Record<string, string> {
  const tryTimeout = tryTimeoutMs(method);
  return {
    ...(method.timeoutMs === 0 ? {} : { 'timeout.linkerd.io/request': duration(method.timeoutMs) }),
    ...(method.retryable
      ? {
          'retry.linkerd.io/grpc': 'unavailable',
          'retry.linkerd.io/limit': String(maxRetries),
          ...(tryTimeout === undefined ? {} : { 'retry.linkerd.io/timeout': duration(tryTimeout) }),
        }
      : {}),
  };
}

/** Whole seconds or milliseconds: Linkerd takes no fractions. */
function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
