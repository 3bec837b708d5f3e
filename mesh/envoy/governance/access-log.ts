import { type Resource, typed } from '../resource.ts';

/** One JSON line for each call, into a file. It has no header that could hold a secret. */
export function accessLog(file: string, listener: string): Resource {
  return {
    name: 'envoy.access_loggers.file',
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
