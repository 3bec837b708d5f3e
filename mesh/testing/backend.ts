import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { type MethodRoute, serviceNames } from '../envoy/contract.ts';
import { loopback } from '../local/free-port.ts';

/** What a backend does with a call: it answers an empty message, or the status that it throws. */
export type Answer = (call: {
  path: string;
  metadata: Metadata;
  /** Sends the answer's headers now, and the rest when the promise resolves. */
  begin(): void;
}) => Promise<void> | void;

/** A status to be thrown by an answer. */
export class Failure extends Error {
  readonly code: status;
  readonly metadata: Metadata;
  constructor(code: status, headers: Readonly<Record<string, string>> = {}) {
    super(`told to fail with ${status[code]}`);
    this.code = code;
    this.metadata = Metadata.fromHttp2Headers(headers);
  }
}

/** A gRPC server that has a service's methods and real health, and does what a test tells it. */
export interface Backend {
  readonly port: number;
  /** The calls so far, oldest first. */
  readonly calls: { path: string; metadata: Metadata; at: number }[];
  /** Replaces what it does. */
  answer: Answer;
  /** Replies to health checks. */
  setServing(serving: boolean): void;
  /** Ends it as kill -9 would: connections are cut. */
  kill(): void;
  /** Finishes open calls, then ends. */
  drain(): Promise<void>;
}

/** Starts a backend for the methods of one service of the contract. Each answer begins with `headers`. */
export async function startBackend(
  contract: readonly MethodRoute[],
  service: string,
  port = 0,
  headers: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const methods = contract.filter((method) => method.service === service);
  const names = ['', ...serviceNames(methods)];
  const server = new Server();
  const health = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, 'SERVING' as const])),
  );
  health.addToServer(server);
  const backend: Omit<Backend, 'port'> = {
    calls: [],
    answer: () => {},
    setServing: (serving) => {
      for (const name of names) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    },
    kill: () => server.forceShutdown(),
    drain: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };

  for (const { path } of methods) {
    const handle: handleUnaryCall<Buffer, Buffer> = async (call, callback) => {
      const { metadata } = call;
      const begin = () => call.sendMetadata(Metadata.fromHttp2Headers(headers));
      backend.calls.push({ path, metadata, at: performance.now() });
      try {
        if (Object.keys(headers).length > 0) begin();
        await backend.answer({ path, metadata, begin });
        callback(null, Buffer.alloc(0));
      } catch (error) {
        callback(error as Failure);
      }
    };
    server.addService(definition(path), { [path]: handle });
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${loopback}:${port}`, ServerCredentials.createInsecure(), (error, actual) =>
      error ? reject(error) : resolve(actual),
    );
  });
  return Object.assign(backend, { port: bound });
}

/** Messages stay bytes: an empty one is a valid message of every type. */
function definition(path: string): ServiceDefinition {
  const bytes = (value: Buffer) => value;
  return {
    [path]: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  };
}
