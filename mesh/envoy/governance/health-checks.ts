import type { Resource } from '../resource.ts';

/** Says that the trace is not recorded: of what is asked all the time nobody wants spans. */
const UNSAMPLED = `00-${'1'.repeat(32)}-${'1'.repeat(16)}-00`;

/** Asks each instance once a second whether it serves. Two failures take it out, one success lets it back in. */
export const healthChecks: Resource = {
  health_checks: [
    {
      grpc_health_check: {
        service_name: '',
        authority: 'health',
        initial_metadata: [{ header: { key: 'traceparent', value: UNSAMPLED } }],
      },
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
