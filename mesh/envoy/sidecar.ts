import { SIDECAR_HEADER } from '../../platform/auth/mesh-identity.ts';
import type { IdentityFiles } from '../identity/certificates.ts';
import { serviceCluster } from './clusters.ts';
import type { MethodRoute } from './contract.ts';
import { callFilters, internalFilters } from './filters.ts';
import { accessLog } from './governance/access-log.ts';
import { faultFilter } from './governance/faults.ts';
import { type Tracing, telemetryCluster, tracing } from './governance/tracing.ts';
import { listener } from './listeners.ts';
import { address, type Resource, typed } from './resource.ts';
import { internalRoutes } from './routes.ts';
import { layeredRuntime } from './runtime.ts';
import { statistics } from './statistics.ts';
import { inboundTls, outboundTls } from './tls.ts';

/** One instance's sidecar: where it listens, and which files it reads and writes. */
export interface SidecarOptions {
  /** The instance's name: `order-1`. */
  readonly name: string;
  /** The service's short name. */
  readonly service: string;
  /** The address of all its ports, and of the service. */
  readonly host: string;
  /** Where the instance's service listens. */
  readonly servicePort: number;
  /** For calls to the service, over mTLS: what the registry tells the others. */
  readonly inboundPort: number;
  /** For the service's own calls to others, in plain text. */
  readonly outboundPort: number;
  readonly adminPort: number;
  readonly identity: IdentityFiles;
  /** Proves to the service that a call came through here. */
  readonly secret: string;
  readonly contract: readonly MethodRoute[];
  /** Who may call what, from the contract. */
  readonly rbac: Resource;
  readonly endpointsFolder: string;
  readonly accessLogFile: string;
  /** For tests only: the service's calls can be delayed and dropped at will. Default false. */
  readonly faults?: boolean;
  /** Default: no spans. */
  readonly tracing?: Tracing | undefined;
}

/** The whole configuration of a sidecar's Envoy. */
export function sidecarBootstrap(options: SidecarOptions): Resource {
  const { name, service, host, identity, contract, faults = false } = options;
  const others = [...new Set(contract.map((method) => method.service))].filter((other) => other !== service);
  const spans = (direction: 'inbound' | 'outbound') =>
    options.tracing && tracing(`${service}-sidecar`, `${name}-sidecar`, options.tracing, direction);
  const inbound = listener({
    name: 'inbound',
    host,
    port: options.inboundPort,
    tls: inboundTls(identity),
    routes: inboundRoutes(options.secret),
    filters: [options.rbac, ...internalFilters],
    accessLog: accessLog(options.accessLogFile, `${name} in`),
    tracing: spans('inbound'),
    edge: false,
  });
  const outbound = listener({
    name: 'outbound',
    host,
    port: options.outboundPort,
    routes: internalRoutes(contract.filter((method) => method.service !== service)),
    filters: faults ? [faultFilter, ...internalFilters] : internalFilters,
    accessLog: accessLog(options.accessLogFile, `${name} out`),
    tracing: spans('outbound'),
    edge: false,
  });
  return {
    node: { id: name, cluster: 'souk' },
    admin: { address: address(host, options.adminPort) },
    ...statistics,
    ...layeredRuntime(options),
    static_resources: {
      listeners: [inbound, outbound],
      clusters: [
        ownService(host, options.servicePort),
        ...others.map((other) =>
          serviceCluster(other, options.endpointsFolder, callFilters(contract), outboundTls(identity, other)),
        ),
        ...(options.tracing ? [telemetryCluster(options.tracing)] : []),
      ],
    },
  };
}

const OWN = 'own-service';

/** Everything that the RBAC filter lets through goes to the service: timeouts and retries are the callers' sidecars'. */
function inboundRoutes(secret: string): Resource {
  return {
    name: 'inbound',
    virtual_hosts: [
      {
        name: 'inbound',
        domains: ['*'],
        routes: [
          {
            match: { prefix: '/' },
            route: { cluster: OWN, timeout: '0s', idle_timeout: '0s' },
            request_headers_to_add: [
              {
                header: { key: SIDECAR_HEADER, value: secret },
                append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
              },
            ],
          },
        ],
      },
    ],
  };
}

/** The one process that this sidecar stands beside. Without it, callers' health checks fail, as they ask through here. */
function ownService(host: string, port: number): Resource {
  return {
    name: OWN,
    type: 'STATIC',
    connect_timeout: '0.5s',
    load_assignment: {
      cluster_name: OWN,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, port) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: {
            http2_protocol_options: {
              initial_stream_window_size: 1_048_576,
              initial_connection_window_size: 16_777_216,
            },
          },
        },
      ),
    },
    // Thousands of calls may be under way; the defaults are made for many instances.
    circuit_breakers: {
      thresholds: [{ max_connections: 1024, max_pending_requests: 8192, max_requests: 8192 }],
    },
  };
}
