import { NAMESPACE } from '../identity/spiffe.ts';

/** A Kubernetes object. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** An object of Linkerd's policy API. */
export function policyManifest(
  kind: 'AuthorizationPolicy' | 'MeshTLSAuthentication' | 'NetworkAuthentication' | 'Server',
  name: string,
  spec: Manifest['spec'],
): Manifest {
  const apiVersion = `policy.linkerd.io/${kind === 'Server' ? 'v1beta3' : 'v1alpha1'}`;
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE }, spec };
}

/** What calls a route is for: a method, or all methods of a gRPC service. */
export interface RouteMatch {
  readonly service: string;
  readonly method?: string;
}

/**
 * A route for some of the calls to a parent: to a Service in the callers' proxies, to a Server in its own, through a
 * Gateway.
 *
 * @param matches at most 64
 */
export function grpcRoute(options: {
  readonly name: string;
  readonly parent: { readonly group: string; readonly kind: string; readonly name: string };
  readonly matches: readonly RouteMatch[];
  readonly annotations?: Readonly<Record<string, string>>;
}): Manifest {
  const { name, parent, matches, annotations = {} } = options;
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GRPCRoute',
    metadata: {
      name,
      namespace: NAMESPACE,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: { parentRefs: [parent], rules: [{ matches: matches.map((method) => ({ method })) }] },
  };
}

/** What a gRPC server has beside its contract's services. */
export const healthService: RouteMatch = { service: 'grpc.health.v1.Health' };
export const reflectionServices: readonly RouteMatch[] = ['v1', 'v1alpha'].map((version) => ({
  service: `grpc.reflection.${version}.ServerReflection`,
}));
