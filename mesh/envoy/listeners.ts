import { gatewayReplies, localReplies, sidecarReplies } from './local-replies.ts';
import { address, type Resource, typed } from './resource.ts';

/** What a listener does with its calls. */
export interface ListenerOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly routes: Resource;
  readonly filters: readonly Resource[];
  readonly accessLog: Resource;
  /** Whether callers are strangers: then the headers by which Envoys talk to each other are dropped. */
  readonly edge: boolean;
  /** mTLS; then each call carries who its caller's certificate names, in `x-forwarded-client-cert`. Default: plain. */
  readonly tls?: Resource;
  /** TLS of strangers, who show no certificate. Default: plain. */
  readonly serverTls?: Resource;
  /** Default: no spans. */
  readonly tracing?: Resource | undefined;
}

/** A port that speaks HTTP/1.1 and HTTP/2, with bounds on what a caller may hold. */
export function listener({ name, host, port, ...options }: ListenerOptions): Resource {
  const socket = options.tls ?? options.serverTls;
  return {
    name,
    address: address(host, port),
    // With it a second Envoy could bind the same port, and each would get some of the calls.
    enable_reuse_port: false,
    per_connection_buffer_limit_bytes: 8 * 1024 * 1024,
    filter_chains: [
      {
        ...(socket ? { transport_socket: socket, transport_socket_connect_timeout: '10s' } : {}),
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: typed(
              'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              connectionManager(name, options),
            ),
          },
        ],
      },
    ],
  };
}

function connectionManager(name: string, options: Omit<ListenerOptions, 'name' | 'host' | 'port'>): Resource {
  return {
    stat_prefix: name,
    codec_type: 'AUTO',
    use_remote_address: options.edge,
    skip_xff_append: true,
    // Whatever a caller says of itself is dropped in either case.
    ...(options.tls
      ? { forward_client_cert_details: 'SANITIZE_SET', set_current_client_cert_details: { uri: true } }
      : { forward_client_cert_details: 'SANITIZE' }),
    normalize_path: true,
    merge_slashes: true,
    path_with_escaped_slashes_action: 'REJECT_REQUEST',
    // A caller's own id is kept as it is; who sends none gets one, and its answer tells which.
    request_id_extension: {
      typed_config: typed('envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig', {
        pack_trace_reason: false,
        // A caller's own id must not decide whether its call is recorded: ids of one time begin alike.
        use_request_id_for_trace_sampling: false,
      }),
    },
    generate_request_id: true,
    preserve_external_request_id: true,
    always_set_request_id_in_response: true,
    max_request_headers_kb: 32,
    common_http_protocol_options: { max_headers_count: 100, idle_timeout: '3600s' },
    request_headers_timeout: '10s',
    stream_idle_timeout: '60s',
    http2_protocol_options: {
      max_concurrent_streams: 1000,
      initial_stream_window_size: 1_048_576,
      initial_connection_window_size: 16_777_216,
    },
    local_reply_config: repliesOf(options),
    access_log: [options.accessLog],
    ...(options.tracing ? { tracing: options.tracing } : {}),
    http_filters: options.filters,
    route_config: options.routes,
  };
}

function repliesOf({ tls, edge }: Pick<ListenerOptions, 'tls' | 'edge'>): Resource {
  if (tls) return sidecarReplies;
  return edge ? gatewayReplies : localReplies;
}
