import type { Method } from '../contract/method.ts';
import { grpcRoute, type Manifest, type RouteMatch, reflectionServices } from '../linkerd/resource.ts';
import { GATEWAYS, type Gateway, GRPC_PORT } from './names.ts';

/** Methods that a gateway treats alike. */
export interface MethodGroup {
  /** `gateway-order-2s`, `internal-order-10s-once`: the name of its route. */
  readonly name: string;
  readonly gateway: Gateway;
  /** What distinguishes the treatment: `2s`, `10s-once`, `stream`. */
  readonly treatment: string;
  /** At least one, all of one service. */
  readonly methods: readonly Method[];
}

/** The groups in the order of their names. The gateway for everybody has none of the internal methods. */
export function methodGroups(methods: readonly Method[]): MethodGroup[] {
  return GATEWAYS.flatMap((gateway) => {
    const reachable = methods.filter(({ internal }) => gateway === 'internal' || !internal);
    return [...Map.groupBy(reachable, (method) => `${gateway}-${method.service}-${treatmentOf(method)}`)].map(
      ([name, members]) => ({
        name,
        gateway,
        treatment: treatmentOf(members[0] as Method),
        methods: members,
      }),
    );
  }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function treatmentOf({ streaming, timeoutMs, retryable }: Method): string {
  const bound = timeoutMs === 0 ? [] : [timeoutMs % 1000 === 0 ? `${timeoutMs / 1000}s` : `${timeoutMs}ms`];
  return [...(streaming ? ['stream'] : []), ...bound, ...(retryable ? [] : ['once'])].join('-');
}

/** A group's route, from its gateway to its service. */
export function groupRoute({ name, gateway, methods }: MethodGroup): Manifest {
  const matches = methods.map(({ grpcService, name: method }) => ({ service: grpcService, method }));
  return gatewayRoute(name, gateway, methods[0]?.service as string, matches);
}

/** The name of the route of reflection. */
export const REFLECTION = 'gateway-reflection';

/** Every instance describes the whole contract, so any service will do. */
export function reflectionRoute(service: string): Manifest {
  return gatewayRoute(REFLECTION, 'gateway', service, reflectionServices);
}

function gatewayRoute(
  name: string,
  gateway: Gateway,
  service: string,
  matches: readonly RouteMatch[],
): Manifest {
  const parent = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: gateway };
  const route = grpcRoute({ name, parent, matches });
  const [rule] = route.spec.rules as readonly [object];
  const rules = [{ ...rule, backendRefs: [{ name: service, port: GRPC_PORT }] }];
  return { ...route, spec: { ...route.spec, rules } };
}
