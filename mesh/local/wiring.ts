import type { Mesh } from './config.ts';
import { freePort, loopback } from './free-port.ts';
import type { GatewayPorts } from './gateway.ts';
import { services } from './services.ts';

/** How a shop's parts reach each other, decided before the first of them starts. */
export interface Wiring {
  readonly mesh: Mesh;
  /** All 0 where there is no Envoy. */
  readonly ports: GatewayPorts;
  /** The gRPC target of each service for the others, by its name. Empty with sidecars, which each have their own. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The only port that an instance such as `order-1` may have. Undefined: any. */
  readonly portOf: (instance: string) => number | undefined;
}

/** Decides how a shop's parts reach each other. `gatewayPort` 0 picks a free one. */
export function wire(mesh: Mesh, replicas: number, gatewayPort: number): Promise<Wiring> {
  if (mesh === 'none') return wireDirectly(replicas);
  return mesh === 'gateway' ? wireGateway(gatewayPort) : wireSidecars(gatewayPort);
}

/** With sidecars each instance calls the others through its own. */
async function wireSidecars(gatewayPort: number): Promise<Wiring> {
  const { ports } = await wireGateway(gatewayPort);
  return { mesh: 'sidecars', ports: { ...ports, internal: 0 }, addresses: {}, portOf: () => undefined };
}

/** All services' address, where one Envoy listens for an instance or for all of them. */
export const sharedAddress = (port: number): Wiring['addresses'] =>
  Object.fromEntries(services.map(({ name }) => [name, `${loopback}:${port}`]));

/** Behind one Envoy all services have one address, and instances any port. */
async function wireGateway(gatewayPort: number): Promise<Wiring> {
  const ports = {
    gateway: gatewayPort === 0 ? await freePort() : gatewayPort,
    internal: await freePort(),
    admin: await freePort(),
  };
  return { mesh: 'gateway', ports, addresses: sharedAddress(ports.internal), portOf: () => undefined };
}

/**
 * Without a mesh a service's address lists its instances: `ipv4:127.0.0.1:1,127.0.0.1:2`. Each is told once, so an
 * instance keeps its port for as long as the shop runs, and has it again after a restart.
 */
async function wireDirectly(replicas: number): Promise<Wiring> {
  const portOf = new Map<string, number>();
  const addresses: Record<string, string> = {};
  for (const { name } of services) {
    const names = Array.from({ length: replicas }, (_, n) => `${name}-${n + 1}`);
    for (const instance of names) portOf.set(instance, await freePort());
    addresses[name] = `ipv4:${names.map((instance) => `${loopback}:${portOf.get(instance)}`).join()}`;
  }
  return {
    mesh: 'none',
    ports: { gateway: 0, internal: 0, admin: 0 },
    addresses,
    portOf: (name) => portOf.get(name),
  };
}

/** The `host:port`s in a target. */
export const hostsOf = (target = ''): string[] => target.replace(/^ipv4:/, '').split(',');

/** Each service with the `host:port`s in its address, for people: `order  127.0.0.1:1 127.0.0.1:2`. */
export function addressLines(addresses: Wiring['addresses']): string[] {
  return Object.entries(addresses).map(
    ([service, target]) => `${service.padEnd(8)} ${hostsOf(target).join(' ')}`,
  );
}

/** What everybody should know who runs a shop without a mesh. */
export const WITHOUT_MESH =
  'WITHOUT A MESH (MESH=none), for measuring: services call each other directly. There is no gateway, no JSON or\n' +
  'gRPC-Web, nothing between callers and internal methods but their tokens, and nothing that takes a hanging\n' +
  'instance out; calls that an instance loses as it dies may fail. MESH=gateway has all of that.';
