import { randomInt } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'hdr-histogram-js';
import { seeded } from '../test/random.ts';
import { arrivals } from './load/schedule.ts';

/** A load on one method. */
export interface LoadOptions {
  /** host:port of each server; calls go round. */
  readonly targets: readonly string[];
  /** `/shop.product.v1.ProductService/GetProduct` */
  readonly path: string;
  /** Access tokens; each call takes the next. */
  readonly tokens: readonly string[];
  readonly pace: Pace;
  readonly seconds: number;
}

/** Closed loop: so many calls are under way at any time. Open loop: calls begin at random, so many a second. */
export type Pace = { readonly concurrency: number } | { readonly perSecond: number };

/** What came of it. Latencies in milliseconds; in an open loop they count from when a call was due. */
export interface LoadResult {
  readonly calls: number;
  readonly failures: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/**
 * Runs the load over one HTTP/2 connection to each server; `nextRequest` gives each call's encoded message. It speaks
 * HTTP/2 by hand because a gRPC client costs several times what the server does, and would be what is measured.
 */
export async function load(options: LoadOptions, nextRequest: () => Uint8Array): Promise<LoadResult> {
  const { pace, seconds } = options;
  const sessions = options.targets.map((target) => connect(`http://${target}`));
  const headers = options.tokens.map((token) => ({
    ':method': 'POST',
    ':path': options.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  }));
  const latencies = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
  let started = 0;
  let failures = 0;
  const call = async (due: number) => {
    const session = sessions[started % sessions.length] as ClientHttp2Session;
    const status = await unary(session, headers[started++ % headers.length] ?? {}, nextRequest());
    if (status !== '0') failures += 1;
    latencies.recordValue(Math.round((performance.now() - due) * 1000));
  };

  const began = performance.now();
  const end = began + seconds * 1000;
  if ('concurrency' in pace) {
    const caller = async () => {
      while (performance.now() < end) await call(performance.now());
    };
    await Promise.all(Array.from({ length: pace.concurrency }, caller));
  } else {
    const underWay: Promise<void>[] = [];
    const course = { profile: 'steady', rate: pace.perSecond, durationS: seconds } as const;
    for (const at of arrivals(course, seeded(randomInt(2 ** 32)))) {
      const due = began + at * 1000;
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      underWay.push(call(due));
    }
    await Promise.all(underWay);
  }
  const elapsed = (performance.now() - began) / 1000;
  for (const session of sessions) session.close();
  const calls = latencies.totalCount;
  return {
    calls,
    failures,
    perSecond: calls / elapsed,
    p50: latencies.getValueAtPercentile(50) / 1000,
    p99: latencies.getValueAtPercentile(99) / 1000,
  };
}

/** One call; resolves to its gRPC status. */
function unary(session: ClientHttp2Session, headers: object, message: Uint8Array): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let status: unknown;
    const stream = session.request({ ...headers });
    const read = (received: Record<string, unknown>) => {
      status = received['grpc-status'] ?? status;
    };
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('error', reject);
    stream.on('close', () => resolve(status));
    stream.resume();
    stream.end(frame(message));
  });
}

/** A gRPC frame: one byte "not compressed", four of length, the message. */
function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}
