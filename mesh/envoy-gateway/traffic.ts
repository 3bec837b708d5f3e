import type { Method } from '../contract/method.ts';
import { maxRetries, tryTimeoutMs } from '../contract/retry.ts';
import type { Resource } from '../envoy/resource.ts';
import { NAMESPACE } from '../identity/spiffe.ts';
import type { Manifest } from '../linkerd/resource.ts';
import type { MethodGroup } from './routes.ts';

/** Timeouts and retries, on top of the policy of the gateways: a policy for all routes that are treated alike. */
export function trafficPolicies(groups: readonly MethodGroup[]): Manifest[] {
  return [...Map.groupBy(groups, ({ treatment }) => treatment)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([treatment, members]) => ({
      apiVersion: 'gateway.envoyproxy.io/v1alpha1',
      kind: 'BackendTrafficPolicy',
      metadata: { name: `calls-${treatment}`, namespace: NAMESPACE },
      spec: {
        targetRefs: members.map(({ name }) => ({
          group: 'gateway.networking.k8s.io',
          kind: 'GRPCRoute',
          name,
        })),
        mergeType: 'StrategicMerge',
        ...policyOf(members[0]?.methods[0] as Method),
      },
    }));
}

function policyOf(method: Method): Resource {
  return {
    timeout: { http: deadline(method) },
    ...(method.retryable ? { retry: retries(tryTimeoutMs(method)) } : {}),
  };
}

/** A bound on the stream, and not on the request: that one is answered UNAVAILABLE, which invites another try. */
function deadline({ timeoutMs }: Method): Resource {
  return timeoutMs === 0
    ? { requestTimeout: '0s', streamIdleTimeout: '0s' }
    : { requestTimeout: '0s', maxStreamDuration: `${timeoutMs}ms` };
}

function retries(tryMs: number | undefined): Resource {
  return {
    numRetries: maxRetries,
    // What is answered UNAVAILABLE is for calls.ts.
    retryOn: { triggers: ['connect-failure', 'refused-stream', 'reset'] },
    perRetry: {
      ...(tryMs === undefined ? {} : { timeout: `${tryMs}ms` }),
      backOff: { baseInterval: '10ms', maxInterval: '100ms' },
    },
  };
}
