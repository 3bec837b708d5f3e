import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { ErrorExtra } from '../errors.ts';
import { ANONYMOUS } from '../rpc/context.ts';
import { DETAILS_TRAILER, decodeDetails } from '../rpc/details.ts';
import { createServer, type RpcServer, type ServerOptions } from '../rpc/server.ts';
import { createLogger } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';

/** What a call on raw bytes came to. */
export interface RawResult {
  /** Name of the status code. */
  readonly code: string;
  readonly message: string;
  readonly bytes?: Buffer;
  readonly details: { reason: string } & ErrorExtra;
  readonly trailers: Metadata;
}

/** A server on a free loopback port, and a client that can send it what no generated client would. */
export interface TestServer {
  readonly address: string;
  readonly server: RpcServer;
  readonly metrics: Metrics;
  /** The server's log lines so far, parsed. */
  readonly lines: Record<string, unknown>[];
  readonly client: Client;
  call(path: string, bytes: Uint8Array, options?: RawCallOptions): Promise<RawResult>;
}

/** How a raw call is made. */
export interface RawCallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Milliseconds from now. */
  readonly timeoutMs?: number;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** Starts a server for the test that runs; it is stopped when the test ends. By default every caller is anonymous. */
export async function testServer(
  options: Pick<ServerOptions, 'implementations'> & Partial<ServerOptions>,
): Promise<TestServer> {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger(
    { service: 'test', instance: 'test-1', level: 'debug' },
    { write: (line) => void lines.push(JSON.parse(line)) },
  );
  const metrics = createMetrics({ process: false });
  const server = createServer({
    authenticate: () => ANONYMOUS,
    health: async () => {},
    log,
    metrics,
    ...options,
  });
  const address = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  onTestFinished(async () => {
    client.close();
    await server.drain(100);
  });

  return {
    address,
    server,
    metrics,
    lines,
    client,
    call: (path, bytes, { metadata = {}, timeoutMs } = {}) =>
      new Promise((resolve) => {
        const headers = new Metadata();
        for (const [key, value] of Object.entries(metadata)) headers.set(key, value);
        const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
        client.makeUnaryRequest(
          path,
          identity,
          identity,
          Buffer.from(bytes),
          headers,
          deadline,
          (error, response) => {
            resolve(toResult(error, response));
          },
        );
      }),
  };
}

/** What a finished call's error and response say. */
export function toResult(error: ServiceError | null, response?: Buffer): RawResult {
  const trailer = error?.metadata.get(DETAILS_TRAILER)[0];
  return {
    code: status[error?.code ?? status.OK] as string,
    message: error?.details ?? '',
    ...(response !== undefined && { bytes: response }),
    details: trailer instanceof Buffer ? decodeDetails(trailer) : { reason: '' },
    trailers: error?.metadata ?? new Metadata(),
  };
}
