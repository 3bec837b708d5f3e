import { createServer } from 'node:http';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Upper bounds in seconds: an in-memory read takes about one millisecond, deadlines end at about ten seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The metrics of one process. */
export interface Metrics {
  readonly registry: Registry;
  /** Finished calls, by service, method and gRPC status code name. */
  readonly requests: Counter<'service' | 'method' | 'code'>;
  /** Seconds from a call's arrival to its status, by service and method. */
  readonly durations: Histogram<'service' | 'method'>;
}

/** Declares the metrics that every service emits. `process` adds those of the Node process; default true. */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process ?? true) collectDefaultMetrics({ register: registry });
  return {
    registry,
    requests: new Counter({
      name: 'rpc_server_requests_total',
      help: 'Finished calls',
      labelNames: ['service', 'method', 'code'],
      registers: [registry],
    }),
    durations: new Histogram({
      name: 'rpc_server_duration_seconds',
      help: 'Time from the arrival of a call to its status',
      labelNames: ['service', 'method'],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    }),
  };
}

/** Serves GET /metrics in Prometheus' text format. Port 0 takes a free one. */
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
