import type { Method } from './method.ts';

/** The gateway's name as a caller: it calls for whoever is outside. */
export const GATEWAY = 'gateway';

/** The name of the group of all callers. */
const EVERYONE = 'everyone';

/** What no service may be called. */
export const reservedCallers: readonly string[] = [GATEWAY, EVERYONE];

/** Methods with the same callers. */
export interface CallerGroup {
  /** Tells the callers: `gateway-product`, or `everyone`. */
  readonly name: string;
  /** The names of those who may call, in alphabetical order. */
  readonly callers: readonly string[];
  readonly methods: readonly Method[];
}

/** All callers that there are: the gateway and the services, in alphabetical order. */
export function everyone(services: readonly string[]): string[] {
  return [GATEWAY, ...services].sort();
}

/**
 * Who may call a method, as the mesh sees it. The gateway calls for users, whose tokens are the service's business; a
 * service that may call as itself is named by the method, unless it lets everybody in.
 */
export function callersOf({ access, callers }: Method, services: readonly string[]): string[] {
  if (access === 'public') return everyone(services);
  return access === 'service' ? [...callers] : [...new Set([GATEWAY, ...callers])].sort();
}

/** Groups methods by who may call them, in the order of the groups' names. */
export function groupByCallers(methods: readonly Method[], services: readonly string[]): CallerGroup[] {
  const groups = Map.groupBy(methods, (method) => groupName(callersOf(method, services), services));
  return [...groups]
    .map(([name, members]) => ({
      name,
      callers: callersOf(members[0] as Method, services),
      methods: members,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The name of a group of callers. */
export function groupName(callers: readonly string[], services: readonly string[]): string {
  return callers.length === everyone(services).length ? EVERYONE : callers.join('-');
}
