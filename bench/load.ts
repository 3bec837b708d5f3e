import { connect } from 'node:http2';
import { build } from 'hdr-histogram-js';

/** One closed-loop load: `concurrency` calls are under way at any time, for `seconds`. */
export interface LoadOptions {
  /** host:port of the server. */
  readonly target: string;
  /** `/shop.product.v1.ProductService/GetProduct` */
  readonly path: string;
  /** Access tokens; each call takes the next. */
  readonly tokens: readonly string[];
  readonly concurrency: number;
  readonly seconds: number;
}

/** What came of it. Latencies in milliseconds. */
export interface LoadResult {
  readonly calls: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/**
 * Runs the load over one HTTP/2 connection; `nextRequest` gives each call's encoded message. It speaks HTTP/2 by hand
 * because a gRPC client costs several times what the server does, and would be what is measured.
 */
export async function load(options: LoadOptions, nextRequest: () => Uint8Array): Promise<LoadResult> {
  const session = connect(`http://${options.target}`);
  const headers = options.tokens.map((token) => ({
    ':method': 'POST',
    ':path': options.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  }));
  let started = 0;
  const latencies = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
  let failures = 0;
  const call = () =>
    new Promise<void>((resolve, reject) => {
      const start = process.hrtime.bigint();
      let status: unknown;
      const stream = session.request(headers[started++ % headers.length]);
      stream.on('response', (received) => {
        status = received['grpc-status'];
      });
      stream.on('trailers', (received) => {
        status = received['grpc-status'];
      });
      stream.on('error', reject);
      stream.on('close', () => {
        if (status !== '0') failures += 1;
        latencies.recordValue(Number((process.hrtime.bigint() - start) / 1000n));
        resolve();
      });
      stream.resume();
      stream.end(frame(nextRequest()));
    });

  const began = performance.now();
  const end = began + options.seconds * 1000;
  const caller = async () => {
    while (performance.now() < end) await call();
  };
  await Promise.all(Array.from({ length: options.concurrency }, caller));
  const elapsed = (performance.now() - began) / 1000;
  session.close();
  const calls = latencies.totalCount;
  return {
    calls,
    failures,
    perSecond: calls / elapsed,
    p50: latencies.getValueAtPercentile(50) / 1000,
    p99: latencies.getValueAtPercentile(99) / 1000,
  };
}

/** A gRPC frame: one byte "not compressed", four of length, the message. */
function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}
