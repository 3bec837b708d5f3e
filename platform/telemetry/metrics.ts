import { createServer } from 'node:http';
import { status } from '@grpc/grpc-js';
import { collectDefaultMetrics, type Histogram, Registry } from 'prom-client';
import { histogram, type Labels } from './instruments.ts';
import { METRICS } from './names.ts';
import type { TraceContext } from './trace.ts';

/** Seconds that calls took, by method and status; those of a server or of a client, which have the same labels. */
export type CallDurations = Histogram<Labels<typeof METRICS.rpcServerCalls>>;

/** The metrics of one process. */
export interface Metrics {
  readonly registry: Registry;
  /** Seconds from a call's arrival to its status. */
  readonly calls: CallDurations;
  /** Seconds from a call to another service to its status. */
  readonly clientCalls: CallDurations;
}

/** Declares the metrics that every service emits. `process` adds those of the Node process; default true. */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  // The format that exemplars need, for good: prom-client renames counters when it is written. (Its types know of no
  // registry whose format is set later.)
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as unknown as typeof registry.contentType);
  if (options.process ?? true) collectDefaultMetrics({ register: registry });
  return {
    registry,
    calls: histogram(registry, METRICS.rpcServerCalls, { exemplars: true }),
    clientCalls: histogram(registry, METRICS.rpcClientCalls, { exemplars: true }),
  };
}

/** Records how long calls of a method took. */
export function callRecorder(
  calls: CallDurations,
  method: string,
): (code: status, seconds: number, span: TraceContext | undefined) => void {
  const labelsOf = (code: status) => ({
    rpc_system_name: 'grpc',
    rpc_method: method,
    rpc_response_status_code: status[code] as string,
  });
  const bound: { observe(seconds: number): void }[] = [];
  return (code, seconds, span) => {
    if (span !== undefined) {
      // Its types want an exemplar to have the labels of the metric.
      const exemplarLabels = { trace_id: span.traceId, span_id: span.spanId } as object;
      calls.observe({ labels: labelsOf(code), value: seconds, exemplarLabels });
      return;
    }
    bound[code] ??= calls.labels(labelsOf(code));
    bound[code].observe(seconds);
  };
}

/** Serves GET /metrics as OpenMetrics, the text format that has exemplars. Port 0 takes a free one. */
export async function serveMetrics(
  registry: Registry,
  host: string,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
