import { createServer, type IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fromBinary } from '@bufbuild/protobuf';
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
} from '../generated/otlp/opentelemetry/proto/collector/logs/v1/logs_service_pb.js';
import {
  type ExportMetricsServiceRequest,
  ExportMetricsServiceRequestSchema,
} from '../generated/otlp/opentelemetry/proto/collector/metrics/v1/metrics_service_pb.js';
import { ExportTraceServiceRequestSchema } from '../generated/otlp/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import { spansIn } from './span.ts';
import { createSpanStore, type SpanStore } from './span-store.ts';

/** How a receiver is started. */
export interface ReceiverOptions {
  /** Default 127.0.0.1. Whoever reaches it can write to it. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** How many spans are kept; default 10,000. */
  readonly capacity?: number;
  /** Takes metrics. Without it they are accepted and dropped, unread. */
  readonly onMetrics?: (request: ExportMetricsServiceRequest) => void;
  /** Takes logs. Without it they are accepted and dropped, unread. */
  readonly onLogs?: (request: ExportLogsServiceRequest) => void;
}

/** A running receiver. */
export interface Receiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:4318`. */
  readonly url: string;
  readonly port: number;
  readonly spans: Omit<SpanStore, 'add'>;
  close(): Promise<void>;
}

/** SDKs send batches of 512 spans, which take some hundred KiB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const unzip = promisify(gunzip);

/**
 * Starts a receiver of OTLP by HTTP with Protobuf bodies, as SDKs and Envoys send it. It keeps the spans of late in
 * memory. Rejects when the port is taken.
 */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { host = '127.0.0.1', port = 0, capacity = 10_000, onMetrics, onLogs } = options;
  const spans = createSpanStore(capacity);
  const signals: Readonly<Record<string, ((body: Uint8Array) => void) | undefined>> = {
    '/v1/traces': (body) => {
      for (const span of spansIn(fromBinary(ExportTraceServiceRequestSchema, body))) spans.add(span);
    },
    '/v1/metrics': (body) => onMetrics?.(fromBinary(ExportMetricsServiceRequestSchema, body)),
    '/v1/logs': (body) => onLogs?.(fromBinary(ExportLogsServiceRequestSchema, body)),
  };
  const server = createServer((request, response) => {
    const answer = (status: number): void => {
      // What was not read of the body would be taken for the connection's next request.
      if (!request.complete) response.setHeader('connection', 'close');
      response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
    };
    const take = signals[request.url ?? ''];
    if (take === undefined) return answer(404);
    if (request.method !== 'POST') return answer(405);
    if (request.headers['content-type'] !== 'application/x-protobuf') return answer(415);
    readBody(request).then(
      (body) => {
        if (body === undefined) return answer(413);
        try {
          take(body);
          // An empty message: all of it was accepted.
          answer(200);
        } catch {
          answer(400);
        }
      },
      () => answer(400),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    spans,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The whole body, unpacked; undefined: it is too large. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks, size);
  if (request.headers['content-encoding'] !== 'gzip') return body;
  return unzip(body, { maxOutputLength: MAX_BODY_BYTES });
}
