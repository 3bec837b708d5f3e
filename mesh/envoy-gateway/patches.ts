import type { Resource } from '../envoy/resource.ts';
import { NAMESPACE } from '../identity/spiffe.ts';
import type { Manifest } from '../linkerd/resource.ts';
import { localReplyPatches, rateLimitPatches, retryPatches } from './calls.ts';
import { callFilterPatches, clusterPatches } from './clusters.ts';
import { GATEWAYS, type Gateway } from './names.ts';
import { type MethodGroup, REFLECTION } from './routes.ts';

/** What is added to the door in either mesh. */
export function doorPatches(): Manifest {
  return patchPolicy('door', 'gateway', [...rateLimitPatches('gateway'), ...localReplyPatches('gateway')]);
}

/** What is added to what Envoy Gateway makes of the other manifests, where it carries all calls. */
export function callPatches(groups: readonly MethodGroup[]): Manifest[] {
  return GATEWAYS.map((gateway) => {
    const own = groups.filter((group) => group.gateway === gateway);
    const routes = [...own.map(({ name }) => name), ...(gateway === 'gateway' ? [REFLECTION] : [])];
    return patchPolicy(`${gateway}-calls`, gateway, [
      ...(gateway === 'internal' ? localReplyPatches(gateway) : []),
      ...retryPatches(gateway),
      ...routes.flatMap(clusterPatches),
      ...own.flatMap(callFilterPatches),
    ]);
  });
}

function patchPolicy(name: string, gateway: Gateway, jsonPatches: readonly Resource[]): Manifest {
  return {
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'EnvoyPatchPolicy',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: gateway },
      type: 'JSONPatch',
      jsonPatches,
    },
  };
}
