import { join } from 'node:path';
import { anyService, clusterOf, endpointsFile } from './names.ts';
import { type Resource, typed } from './resource.ts';

/** The most of an answer, in bytes, that is held for one call: a hundred of the largest products. */
const maxHeldBytes = 8 * 1024 * 1024;

/**
 * The instances of one service, as the files in `endpointsFolder` tell them. `filters` stand between the router and an
 * instance.
 */
export function serviceCluster(
  service: string,
  endpointsFolder: string,
  filters: readonly Resource[],
): Resource {
  return {
    name: clusterOf(service),
    type: 'EDS',
    eds_cluster_config: {
      eds_config: {
        resource_api_version: 'V3',
        // Only a rename into the folder is noticed, never a write in place.
        path_config_source: {
          path: join(endpointsFolder, endpointsFile(service)),
          watched_directory: { path: endpointsFolder },
        },
      },
    },
    connect_timeout: '0.5s',
    per_connection_buffer_limit_bytes: maxHeldBytes,
    lb_policy: 'LEAST_REQUEST',
    // By default changes of health are gathered for a second before they count: made for thousands of instances.
    common_lb_config: { update_merge_window: '0s' },
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
    health_checks: [activeHealthCheck],
    // An instance that the registry takes out leaves at once, and not only when it also fails its check: what is
    // about to drain gets no new calls.
    ignore_health_on_host_removal: true,
    outlier_detection: outlierDetection,
    circuit_breakers: circuitBreakers,
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

const activeHealthCheck: Resource = {
  grpc_health_check: { service_name: '', authority: 'health' },
  interval: '1s',
  timeout: '1s',
  unhealthy_threshold: 2,
  healthy_threshold: 1,
  // Its default of 60 s would leave an instance that fails its first check out for a minute.
  no_traffic_interval: '1s',
  no_traffic_healthy_interval: '1s',
};

const outlierDetection: Resource = {
  interval: '1s',
  base_ejection_time: '5s',
  max_ejection_time: '30s',
  max_ejection_percent: 50,
  // Failures to reach an instance, and its own answers (UNAVAILABLE is 503 here), are counted apart. INTERNAL and
  // UNKNOWN don't count: a request that hits a bug must not take instances away from everybody.
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 3,
  enforcing_consecutive_local_origin_failure: 100,
  consecutive_gateway_failure: 5,
  enforcing_consecutive_gateway_failure: 100,
  enforcing_consecutive_5xx: 0,
  enforcing_success_rate: 0,
  enforcing_local_origin_success_rate: 0,
  // Else the next passed check would let an outlier back in at once.
  successful_active_health_check_uneject_host: false,
};

const circuitBreakers: Resource = {
  thresholds: [
    {
      max_connections: 1024,
      max_pending_requests: 8192,
      max_requests: 8192,
      retry_budget: {
        budget_percent: { value: 20 },
        // When one of two instances dies, half of what is under way is tried again in the same moment.
        min_retry_concurrency: 128,
      },
    },
  ],
};
