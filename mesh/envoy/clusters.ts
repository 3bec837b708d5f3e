import { balancing } from './governance/balancing.ts';
import { circuitBreakers, usualLimits } from './governance/circuit-breakers.ts';
import { discovery } from './governance/discovery.ts';
import { healthChecks } from './governance/health-checks.ts';
import { outliers } from './governance/outliers.ts';
import { anyService, clusterOf } from './names.ts';
import { type Resource, typed } from './resource.ts';

/** The most of an answer, in bytes, that is held for one call: a hundred of the largest products. */
const maxHeldBytes = 8 * 1024 * 1024;

/**
 * The instances of one service, as the files in `endpointsFolder` tell them. `filters` stand between the router and an
 * instance; `tls` is how to reach it, plain by default.
 */
export function serviceCluster(
  service: string,
  endpointsFolder: string,
  filters: readonly Resource[],
  tls?: Resource,
  limits = usualLimits,
): Resource {
  return {
    name: clusterOf(service),
    ...discovery(service, endpointsFolder),
    ...(tls ? { transport_socket: tls } : {}),
    connect_timeout: '0.5s',
    per_connection_buffer_limit_bytes: maxHeldBytes,
    ...balancing,
    upstream_connection_options: {
      tcp_keepalive: { keepalive_time: 30, keepalive_interval: 5, keepalive_probes: 3 },
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          http_filters: [
            ...filters,
            {
              name: 'envoy.filters.http.upstream_codec',
              typed_config: typed('envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec'),
            },
          ],
          explicit_http_config: {
            http2_protocol_options: {
              initial_stream_window_size: 1_048_576,
              initial_connection_window_size: 16_777_216,
            },
          },
        },
      ),
    },
    ...healthChecks,
    ...outliers,
    ...circuitBreakers(limits),
  };
}

/** Any live instance of any service, the first service that has one. */
export function anyServiceCluster(services: readonly string[]): Resource {
  return {
    name: anyService,
    connect_timeout: '0.5s',
    lb_policy: 'CLUSTER_PROVIDED',
    cluster_type: {
      name: 'envoy.clusters.aggregate',
      typed_config: typed('envoy.extensions.clusters.aggregate.v3.ClusterConfig', {
        clusters: services.map(clusterOf),
      }),
    },
  };
}
