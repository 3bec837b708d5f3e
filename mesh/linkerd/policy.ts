import { type CallerGroup, GATEWAY, groupByCallers } from '../contract/callers.ts';
import type { Method } from '../contract/method.ts';
import {
  grpcRoute,
  healthService,
  type Manifest,
  policyManifest,
  type RouteMatch,
  reflectionServices,
} from './resource.ts';

const POLICY = 'policy.linkerd.io';

/** The authentication that everything passes, in the mesh or not. */
const ANYONE = 'anyone';

/**
 * Whom a service's own proxy lets in: a route for each group of methods with the same callers, and a policy for each
 * route. What no route is for is refused.
 *
 * @param methods those of the one service
 */
export function inboundPolicy(
  service: string,
  methods: readonly Method[],
  services: readonly string[],
): Manifest[] {
  return [
    policyManifest('Server', service, {
      podSelector: { matchLabels: { 'app.kubernetes.io/name': service } },
      port: 'grpc',
      proxyProtocol: 'gRPC',
      accessPolicy: 'deny',
    }),
    ...groupByCallers(methods, services).flatMap((group) =>
      authorized(
        service,
        `${service}-from-${group.name}`,
        group.methods.map((method) => ({ service: method.grpcService, method: method.name })),
        { kind: 'MeshTLSAuthentication', name: group.name },
      ),
    ),
    // The kubelet's probes come from outside the mesh; once a Server has routes, they need one as well.
    ...authorized(service, `${service}-health`, [healthService], {
      kind: 'NetworkAuthentication',
      name: ANYONE,
    }),
    ...authorized(service, `${service}-reflection`, reflectionServices, {
      kind: 'MeshTLSAuthentication',
      name: GATEWAY,
    }),
  ];
}

/** Who is who, for the policies of all services: each group of callers by its service accounts. */
export function authentications(methods: readonly Method[], services: readonly string[]): Manifest[] {
  const groups = new Map<string, CallerGroup['callers']>([[GATEWAY, [GATEWAY]]]);
  for (const { name, callers } of groupByCallers(methods, services)) groups.set(name, callers);
  return [
    policyManifest('NetworkAuthentication', ANYONE, {
      networks: [{ cidr: '0.0.0.0/0' }, { cidr: '::/0' }],
    }),
    ...[...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, callers]) =>
        policyManifest('MeshTLSAuthentication', name, {
          identityRefs: callers.map((caller) => ({ kind: 'ServiceAccount', name: caller })),
        }),
      ),
  ];
}

function authorized(
  server: string,
  name: string,
  matches: readonly RouteMatch[],
  authentication: { kind: string; name: string },
): Manifest[] {
  return [
    grpcRoute({ name, parent: { group: POLICY, kind: 'Server', name: server }, matches }),
    policyManifest('AuthorizationPolicy', name, {
      targetRef: { group: 'gateway.networking.k8s.io', kind: 'GRPCRoute', name },
      requiredAuthenticationRefs: [{ group: POLICY, ...authentication }],
    }),
  ];
}
