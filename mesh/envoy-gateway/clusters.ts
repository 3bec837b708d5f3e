import { callFilters } from '../envoy/filters.ts';
import { balancing } from '../envoy/governance/balancing.ts';
import { healthChecks } from '../envoy/governance/health-checks.ts';
import { outliers } from '../envoy/governance/outliers.ts';
import { type Resource, typed } from '../envoy/resource.ts';
import { NAMESPACE } from '../identity/spiffe.ts';
import { patch } from './patch.ts';
import type { MethodGroup } from './routes.ts';

/** What BackendTrafficPolicies can't say of a route's cluster, as mesh/envoy/governance says it on one machine. */
export function clusterPatches(route: string): Resource[] {
  const { update_merge_window } = balancing.common_lb_config as { update_merge_window: string };
  return [
    // Envoy Gateway's own check sends the cluster's name as authority, with "/" in it; Node's HTTP/2 resets that.
    clusterPatch(route, '/health_checks', healthChecks.health_checks),
    clusterPatch(route, '/outlier_detection', outliers.outlier_detection),
    clusterPatch(route, '/common_lb_config/update_merge_window', update_merge_window),
  ];
}

const protocolOptions =
  '/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** What stands between the router and an instance; nothing for methods that aren't tried again anyhow. */
export function callFilterPatches({ name, methods }: MethodGroup): Resource[] {
  if (!methods.some(({ retryable }) => retryable)) return [];
  const codec = {
    name: 'envoy.filters.http.upstream_codec',
    typed_config: typed('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'),
  };
  return [clusterPatch(name, `${protocolOptions}/http_filters`, [...callFilters(methods), codec])];
}

/** A route with one rule has one cluster, which Envoy Gateway calls after it. */
function clusterPatch(route: string, path: string, value: unknown): Resource {
  return patch('cluster.v3.Cluster', `grpcroute/${NAMESPACE}/${route}/rule/0`, { op: 'add', path, value });
}
