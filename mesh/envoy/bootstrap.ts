import type { IdentityFiles } from '../identity/certificates.ts';
import { anyServiceCluster, serviceCluster } from './clusters.ts';
import { type MethodRoute, serviceNames } from './contract.ts';
import { callFilters, gatewayFilters, internalFilters } from './filters.ts';
import { accessLog } from './governance/access-log.ts';
import { type CircuitLimits, highPriority } from './governance/circuit-breakers.ts';
import { faultFilter } from './governance/faults.ts';
import { type RateLimits, usualRates } from './governance/rate-limits.ts';
import { type Tracing, telemetryCluster, tracing } from './governance/tracing.ts';
import { listener } from './listeners.ts';
import { address, type Resource, typed } from './resource.ts';
import { gatewayRoutes, internalRoutes } from './routes.ts';
import { layeredRuntime } from './runtime.ts';
import { statistics } from './statistics.ts';
import { outboundTls } from './tls.ts';

/** Where the gateway listens, and which files it reads and writes. */
export interface GatewayOptions {
  /** The address of all its ports. */
  readonly host: string;
  /** For everybody: gRPC, gRPC-Web and JSON. */
  readonly gatewayPort: number;
  /** For everybody as well, over TLS. Absent: nobody is served from elsewhere. */
  readonly secure?: { readonly host: string; readonly port: number; readonly tls: Resource } | undefined;
  /** For calls between services. Absent: they have sidecars. */
  readonly internalPort?: number;
  /** Who the gateway is to sidecars. Absent: services are called in plain text. */
  readonly identity?: IdentityFiles;
  /** Envoy's own pages: statistics, the configuration in use, the state of every cluster. */
  readonly adminPort: number;
  readonly contract: readonly MethodRoute[];
  /** The contract's FileDescriptorSet, for JSON. */
  readonly descriptorSetFile: string;
  /** The folder in which the registry tells each service's instances. */
  readonly endpointsFolder: string;
  readonly accessLogFile: string;
  /** A regular expression of the web origins that may call from a browser. Default: pages served by this machine. */
  readonly corsOrigin?: string;
  /** How much may be under way to a service of what comes from outside. Default: usualLimits. */
  readonly limits?: ((service: string) => CircuitLimits) | undefined;
  /** How often a client may call. Default: usualRates. */
  readonly rates?: RateLimits | undefined;
  /** For tests only: calls between services can be delayed and dropped at will. Default false. */
  readonly faults?: boolean;
  /** Default: no spans. */
  readonly tracing?: Tracing | undefined;
}

const ownMachine = 'https?://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]+)?';

/** The whole configuration of the gateway's Envoy. */
export function gatewayBootstrap(options: GatewayOptions): Resource {
  const { host, contract, identity, corsOrigin = ownMachine, faults = false } = options;
  const services = [...new Set(contract.map(({ service }) => service))];
  const edge = {
    routes: gatewayRoutes(contract, corsOrigin),
    filters: gatewayFilters(options.descriptorSetFile, serviceNames(contract), options.rates ?? usualRates),
    accessLog: accessLog(options.accessLogFile, 'gateway'),
    tracing: options.tracing && tracing('gateway', 'gateway', options.tracing, 'inbound'),
    edge: true,
  };
  const { secure } = options;
  const listeners = [
    listener({ name: 'gateway', host, port: options.gatewayPort, ...edge }),
    ...(secure
      ? [
          listener({
            ...{ name: 'gateway-tls', host: secure.host, port: secure.port, serverTls: secure.tls },
            ...edge,
          }),
        ]
      : []),
  ];
  const internal = (port: number) =>
    listener({
      name: 'internal',
      host,
      port,
      routes: internalRoutes(contract, highPriority),
      filters: faults ? [faultFilter, ...internalFilters] : internalFilters,
      accessLog: accessLog(options.accessLogFile, 'internal'),
      tracing: options.tracing && tracing('gateway', 'gateway', options.tracing, 'outbound'),
      edge: false,
    });
  return {
    node: { id: 'gateway', cluster: 'souk' },
    admin: { address: address(host, options.adminPort) },
    ...statistics,
    ...layeredRuntime(options),
    static_resources: {
      listeners: [
        ...listeners,
        ...(options.internalPort === undefined ? [] : [internal(options.internalPort)]),
      ],
      clusters: [
        ...services.map((service) =>
          serviceCluster(
            service,
            options.endpointsFolder,
            callFilters(contract),
            identity && outboundTls(identity, service),
            options.limits?.(service),
          ),
        ),
        anyServiceCluster(services),
        ...(options.tracing ? [telemetryCluster(options.tracing)] : []),
      ],
    },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: typed(
            'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            { max_active_downstream_connections: 10_000 },
          ),
        },
      ],
    },
  };
}
