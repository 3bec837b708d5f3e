import { callFilters } from '../envoy/filters.ts';
import { healthChecks } from '../envoy/governance/health-checks.ts';
import { outliers } from '../envoy/governance/outliers.ts';
import { type Resource, typed } from '../envoy/resource.ts';
import { NAMESPACE } from '../identity/spiffe.ts';
import type { Manifest } from '../linkerd/resource.ts';
import { GATEWAYS, type Gateway } from './names.ts';
import { type MethodGroup, REFLECTION } from './routes.ts';

/**
 * What Envoy Gateway's own policies can't say of the clusters that it makes, one for each route; for each gateway. The
 * same as mesh/envoy/governance says on one machine.
 */
export function clusterPatches(groups: readonly MethodGroup[]): Manifest[] {
  return GATEWAYS.map((gateway) => ({
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'EnvoyPatchPolicy',
    metadata: { name: `${gateway}-clusters`, namespace: NAMESPACE },
    spec: {
      targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: gateway },
      type: 'JSONPatch',
      jsonPatches: patchesOf(groups, gateway),
    },
  }));
}

function patchesOf(groups: readonly MethodGroup[], gateway: Gateway): Resource[] {
  return [
    ...groups
      .filter((group) => group.gateway === gateway)
      .flatMap((group) => [...instancePatches(group.name), ...wholeAnswersPatches(group)]),
    ...(gateway === 'gateway' ? instancePatches(REFLECTION) : []),
  ];
}

function instancePatches(route: string): Resource[] {
  return [
    // Envoy Gateway's own check sends the cluster's name as authority, with "/" in it; Node's HTTP/2 resets that.
    patch(route, '/health_checks', healthChecks.health_checks),
    patch(route, '/outlier_detection', outliers.outlier_detection),
    // By default changes of health are gathered for a second before they count.
    patch(route, '/common_lb_config/update_merge_window', '0s'),
  ];
}

const protocolOptions =
  '/typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** None for streams, and none for what isn't tried again anyhow. */
function wholeAnswersPatches({ name, methods }: MethodGroup): Resource[] {
  if (!methods.some(({ retryable, streaming }) => retryable && !streaming)) return [];
  const codec = {
    name: 'envoy.filters.http.upstream_codec',
    typed_config: typed('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'),
  };
  return [patch(name, `${protocolOptions}/http_filters`, [...callFilters(methods), codec])];
}

function patch(route: string, path: string, value: unknown): Resource {
  return {
    type: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    name: `grpcroute/${NAMESPACE}/${route}/rule/0`,
    operation: { op: 'add', path, value },
  };
}
