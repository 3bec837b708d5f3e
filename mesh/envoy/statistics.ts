import { type Resource, typed } from './resource.ts';

/** How often histograms take in what was measured since; counters always do. Envoy's default is five seconds. */
export const statistics: Resource = { stats_flush_interval: '1s' };

/** Counts calls by their gRPC status, in `cluster.<name>.grpc.<code>`: to HTTP a failed gRPC call is a 200. */
export const callStatistics: Resource = {
  name: 'envoy.filters.http.grpc_stats',
  // Methods are told apart by the services' own metrics.
  typed_config: typed('envoy.extensions.filters.http.grpc_stats.v3.FilterConfig', {
    stats_for_all_methods: false,
  }),
};
