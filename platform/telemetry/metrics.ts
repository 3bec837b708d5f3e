import { createServer } from 'node:http';
import { collectDefaultMetrics, type Histogram, Registry } from 'prom-client';
import { histogram, type Labels } from './instruments.ts';
import { METRICS } from './names.ts';

/** The metrics of one process. */
export interface Metrics {
  readonly registry: Registry;
  /** Seconds from a call's arrival to its status. */
  readonly calls: Histogram<Labels<typeof METRICS.rpcServerCalls>>;
}

/** Declares the metrics that every service emits. `process` adds those of the Node process; default true. */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  if (options.process ?? true) collectDefaultMetrics({ register: registry });
  return {
    registry,
    calls: histogram(registry, METRICS.rpcServerCalls),
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
