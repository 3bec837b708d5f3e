import { address, type Resource, typed } from '../resource.ts';

/** Where Envoy's spans go, and which. */
export interface Tracing {
  /** Takes OTLP by HTTP: `http://127.0.0.1:4318`, perhaps with a path before /v1/traces. */
  readonly endpoint: string;
  /** The part, 0 to 1, that is recorded of the traces that begin here. One that began elsewhere goes on as it was. */
  readonly ratio: number;
}

const CLUSTER = 'telemetry';
const SAMPLERS = 'envoy.extensions.tracers.opentelemetry.samplers.v3';
const MILLION = 1_000_000;

/**
 * A span for each call that passes a listener, in the trace that its `traceparent` names, or in one that begins here;
 * the same sampling as the services have. What Envoy says of a call by itself holds its method, status, sizes and
 * addresses, and no other header.
 *
 * @param service what the spans are of: `gateway`, `order-sidecar`
 * @param instance which of them: `order-1-sidecar`
 */
export function tracing(
  service: string,
  instance: string,
  { endpoint, ratio }: Tracing,
  direction: 'inbound' | 'outbound',
): Resource {
  const url = new URL(endpoint);
  return {
    // Also those that are not sampled get a traceparent: it carries the decision, and the id for the logs.
    random_sampling: { value: 100 },
    provider: {
      name: 'envoy.tracers.opentelemetry',
      typed_config: typed('envoy.config.trace.v3.OpenTelemetryConfig', {
        service_name: service,
        http_service: {
          http_uri: {
            uri: `${url.origin}${url.pathname.replace(/\/$/, '')}/v1/traces`,
            cluster: CLUSTER,
            timeout: '2s',
          },
        },
        resource_detectors: [
          {
            name: 'envoy.tracers.opentelemetry.resource_detectors.static_config',
            typed_config: typed(
              'envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig',
              { attributes: { 'service.instance.id': instance, 'service.namespace': 'souk' } },
            ),
          },
        ],
        sampler: {
          name: 'envoy.tracers.opentelemetry.samplers.parent_based',
          typed_config: typed(`${SAMPLERS}.ParentBasedSamplerConfig`, {
            wrapped_sampler: {
              name: 'envoy.tracers.opentelemetry.samplers.trace_id_ratio_based',
              typed_config: typed(`${SAMPLERS}.TraceIdRatioBasedSamplerConfig`, {
                sampling_percentage: { numerator: Math.round(ratio * MILLION), denominator: 'MILLION' },
              }),
            },
          }),
        },
      }),
    },
    custom_tags: [{ tag: 'souk.direction', literal: { value: direction } }],
  };
}

/** Where the spans are sent. Whatever is away there holds up no call. */
export function telemetryCluster({ endpoint }: Tracing): Resource {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  return {
    name: CLUSTER,
    type: 'STRICT_DNS',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: CLUSTER,
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: { address: address(url.hostname, Number(url.port || (secure ? 443 : 80))) },
            },
          ],
        },
      ],
    },
    ...(secure && {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: typed('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
          sni: url.hostname,
          auto_sni_san_validation: true,
          common_tls_context: {
            validation_context: { trusted_ca: { filename: '/etc/ssl/certs/ca-certificates.crt' } },
          },
        }),
      },
    }),
  };
}

/** How soon spans are sent: people look at them as they come. */
export const tracingRuntime = { 'tracing.opentelemetry.flush_interval_ms': 1_000 };
