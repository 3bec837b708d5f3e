import { type Resource, typed } from '../resource.ts';

/** Each Envoy asks each instance every second or oftener: only an answer that isn't OK is worth a line. */
const NO_HEALTHY_CHECKS = {
  or_filter: {
    filters: [
      {
        header_filter: {
          header: {
            name: ':path',
            string_match: { exact: '/grpc.health.v1.Health/Check' },
            invert_match: true,
          },
        },
      },
      { grpc_status_filter: { statuses: ['OK'], exclude: true } },
    ],
  },
};

/** One JSON line for each call, into a file. It has no header that could hold a secret. */
export function accessLog(file: string, listener: string): Resource {
  return {
    name: 'envoy.access_loggers.file',
    filter: NO_HEALTHY_CHECKS,
    typed_config: typed('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
      path: file,
      log_format: {
        json_format: {
          time: '%START_TIME%',
          listener,
          request_id: '%REQ(X-REQUEST-ID)%',
          traceparent: '%REQ(TRACEPARENT)%',
          protocol: '%PROTOCOL%',
          content_type: '%REQ(CONTENT-TYPE)%',
          path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
          status: '%RESPONSE_CODE%',
          grpc_status: '%GRPC_STATUS%',
          flags: '%RESPONSE_FLAGS%',
          details: '%RESPONSE_CODE_DETAILS%',
          duration_ms: '%DURATION%',
          attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
          upstream: '%UPSTREAM_HOST%',
          cluster: '%UPSTREAM_CLUSTER%',
          bytes_received: '%BYTES_RECEIVED%',
          bytes_sent: '%BYTES_SENT%',
        },
      },
    }),
  };
}
