import type { Resource } from '../resource.ts';

/** Asks each instance once a second whether it serves. Two failures take it out, one success lets it back in. */
export const healthChecks: Resource = {
  health_checks: [
    {
      grpc_health_check: { service_name: '', authority: 'health' },
      interval: '1s',
      timeout: '1s',
      unhealthy_threshold: 2,
      healthy_threshold: 1,
      // Its default of 60 s would leave an instance that fails its first check out for a minute.
      no_traffic_interval: '1s',
      no_traffic_healthy_interval: '1s',
    },
  ],
};
