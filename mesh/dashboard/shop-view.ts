import type { Instance } from '../local/instance.ts';
import type { Shop } from '../local/shop.ts';
import type { InstanceState, InstanceView, PartView, ShopView } from './messages.ts';
import type { EnvoyHost } from './sources/envoy-stats.ts';
import { processStat } from './sources/processes.ts';

/** What the Envoys think of the instances, by the name of the Envoy. */
export type Opinions = ReadonlyMap<string, readonly EnvoyHost[]>;

/** What runs at the moment, as the launcher knows it, and as the Envoys do. */
export function viewShop(
  shop: Shop,
  opinions: Opinions,
  options: { readonly controls: boolean; readonly traces: boolean },
): ShopView {
  return {
    mesh: shop.gatewayPort === 0 ? 'none' : shop.internalPort === 0 ? 'sidecars' : 'gateway',
    ...options,
    parts: partsOf(shop),
    instances: shop.deployments.flatMap((deployment) =>
      deployment.instances.map((instance) => viewInstance(instance, deployment.version().name, opinions)),
    ),
  };
}

function partsOf(shop: Shop): PartView[] {
  const running = shop.processes();
  const part = (name: string, kind: PartView['kind'], port: number): PartView => {
    const found = running.find((process) => process.name === name);
    return {
      name: kind === 'gateway' ? 'gateway' : name,
      kind,
      address: `127.0.0.1:${found?.port ?? port}`,
      up: found !== undefined,
      since: found?.since ?? 0,
    };
  };
  const { standby, broker } = shop;
  return [
    ...(shop.gatewayPort === 0 ? [] : [part('envoy', 'gateway', shop.gatewayPort)]),
    part('postgres', 'postgres', 0),
    ...(standby
      ? [{ ...part('postgres-standby', 'postgres', standby.port), synchronous: standby.synchronous() }]
      : []),
    ...(broker ? [part('nats', 'nats', broker.port)] : []),
  ];
}

/** Longer, in milliseconds, no start takes: then it has served, and does no more. */
const longestStartMs = 60_000;

function stateOfSilent(since: number, deaths: number): InstanceState {
  if (Date.now() - since > longestStartMs) return 'unhealthy';
  return deaths > 0 ? 'restarting' : 'starting';
}

function viewInstance(instance: Instance, version: string, opinions: Opinions): InstanceView {
  const running = instance.running();
  const address = `127.0.0.1:${instance.sidecar?.inboundPort ?? instance.port()}`;
  const opinionsOf = (about: (host: EnvoyHost) => boolean) =>
    [...opinions].flatMap(([envoy, hosts]) =>
      hosts.some((host) => host.address === address && about(host)) ? [envoy] : [],
    );
  const ejectedBy = opinionsOf(({ ejected }) => ejected);
  const unhealthyFor = opinionsOf(({ unhealthy }) => unhealthy);
  const state = ((): InstanceState => {
    if (!running) return 'dead';
    if (processStat(running.identity.pid)?.stopped) return 'paused';
    if (!instance.serving()) return stateOfSilent(running.since, instance.deaths());
    if (ejectedBy.length > 0) return 'ejected';
    if (unhealthyFor.length > 0) return 'unhealthy';
    return instance.resting() ? 'drained' : 'serving';
  })();
  return {
    name: instance.name,
    service: instance.service,
    version,
    address,
    state,
    by: state === 'ejected' ? ejectedBy : state === 'unhealthy' ? unhealthyFor : [],
    share: instance.share(),
    since: running?.since ?? 0,
    deaths: instance.deaths(),
  };
}
