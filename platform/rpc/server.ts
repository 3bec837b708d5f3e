import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Authenticate } from '../auth/authenticate.ts';
import type { Logger } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { addHealth } from './health.ts';
import { prepareMethod, type StreamHandle, type UnaryHandle } from './method.ts';
import type { Runtime } from './pipeline.ts';
import { addReflection } from './reflection.ts';
import type { Implementation } from './routes.ts';
import { draining, serveStream } from './stream.ts';
import { serveUnary } from './unary.ts';

/** The largest request that is read. Larger ones get RESOURCE_EXHAUSTED, with both sizes in the message. */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** Calls under way on one connection; further ones wait at the client. */
const MAX_CONCURRENT_STREAMS = 1_000;
/** A silent connection is probed after this time, and dropped without an answer, so that lost clients free streams. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** What a server is made of. */
export interface ServerOptions {
  readonly implementations: readonly Implementation[];
  readonly authenticate: Authenticate;
  /** Resolves while what the server depends on works; see health.ts. */
  readonly health: () => Promise<void>;
  readonly log: Logger;
  /** Default: a registry of its own. */
  readonly metrics?: Metrics;
  /** FileDescriptorSet that reflection serves. Absent: no reflection. */
  readonly descriptorSet?: Uint8Array;
}

/** A gRPC server in plain text: the mesh's proxies encrypt. */
export interface RpcServer {
  /** Starts to serve; port 0 takes a free one. Returns the port. Rejects when the port is taken. */
  listen(host: string, port: number): Promise<number>;
  /** Overrides the health check: false answers NOT_SERVING. */
  setServing(serving: boolean): void;
  /**
   * Turns NOT_SERVING, takes no new connections or calls, ends streams with UNAVAILABLE and waits for the calls
   * under way; what is left after `timeoutMs` is cut off.
   */
  drain(timeoutMs: number): Promise<void>;
}

/**
 * Makes a server whose every call goes through one pipeline: deadline, credentials, access, decoding, validation,
 * handler, encoding, error mapping, metrics and log. Throws when a method has no handler or no usable policy.
 */
export function createServer(options: ServerOptions): RpcServer {
  const { log } = options;
  const runtime: Runtime = { authenticate: options.authenticate, log, streams: new Set() };
  const metrics = options.metrics ?? createMetrics({ process: false });
  const server = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_concurrent_streams': MAX_CONCURRENT_STREAMS,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.enable_channelz': 0,
  });
  for (const implementation of options.implementations)
    addImplementation(server, implementation, runtime, metrics);
  const names = options.implementations.map(({ service }) => service.typeName);
  const health = addHealth(server, names, options.health, log);
  if (options.descriptorSet !== undefined) addReflection(server, options.descriptorSet);
  let listening: string | undefined;

  return {
    async listen(host, port) {
      const targetOf = (at: number) => (host.includes(':') ? `[${host}]:${at}` : `${host}:${at}`);
      const bound = await new Promise<number>((resolve, reject) => {
        server.bindAsync(targetOf(port), ServerCredentials.createInsecure(), (error, at) =>
          error ? reject(error) : resolve(at),
        );
      });
      listening = targetOf(bound);
      health.start();
      log.info({ host, port: bound }, 'listening');
      return bound;
    },

    setServing: (serving) => health.setServing(serving),

    async drain(timeoutMs) {
      health.setServing(false);
      health.stop();
      for (const stop of runtime.streams) stop(draining());
      const began = performance.now();
      // Closes each connection when its calls are done, or at the timeout. forceShutdown() can't be used for that:
      // it knows the connections only with channelz on, which costs each call.
      if (listening !== undefined) server.drain(listening, timeoutMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      if (performance.now() - began >= timeoutMs) log.warn({ timeoutMs }, 'the drain had to cut calls off');
    },
  };
}

const identity = (bytes: Buffer): Buffer => bytes;

function addImplementation(
  server: Server,
  { service, routes }: Implementation,
  runtime: Runtime,
  metrics: Metrics,
): void {
  const handlers: UntypedServiceImplementation = {};
  const definition: Record<string, object> = {};
  for (const method of service.methods) {
    const route = routes[method.localName];
    if (method.methodKind === 'unary') {
      handlers[method.name] = serveUnary(prepareMethod(method, route as UnaryHandle, metrics), runtime);
    } else if (method.methodKind === 'server_streaming') {
      handlers[method.name] = serveStream(prepareMethod(method, route as StreamHandle, metrics), runtime);
    } else {
      throw new Error(`${service.typeName}/${method.name}: ${method.methodKind} methods are not supported`);
    }
    definition[method.name] = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: false,
      responseStream: method.methodKind === 'server_streaming',
      // Bytes pass through: decoding is a stage of the pipeline, so that its faults get the right status.
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
  }
  server.addService(definition as never, handlers);
}
