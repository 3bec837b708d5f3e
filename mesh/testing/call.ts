import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loopback } from '../local/free-port.ts';

/** How a call ended. */
export interface Outcome {
  readonly code: keyof typeof status;
  readonly details: string;
  /** What the server sent before its answer. */
  readonly headers: Metadata;
  /** What it sent with a failure. */
  readonly trailers: Metadata;
  readonly ms: number;
}

/** Makes calls with empty messages, on a connection of its own. */
export interface Caller {
  call(path: string, headers?: Record<string, string>, deadlineMs?: number): Promise<Outcome>;
  close(): void;
}

/** A gRPC client of a port of this machine, without any retries of its own. */
export function createCaller(port: number): Caller {
  const client = new Client(`${loopback}:${port}`, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
  });
  const bytes = (value: Buffer) => value;
  return {
    call(path, headers = {}, deadlineMs = Number.POSITIVE_INFINITY) {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      const start = performance.now();
      return new Promise((resolve) => {
        let received = new Metadata();
        client
          .makeUnaryRequest(
            path,
            bytes,
            bytes,
            Buffer.alloc(0),
            metadata,
            { deadline: Date.now() + deadlineMs },
            (error: ServiceError | null) =>
              resolve({
                code: status[error?.code ?? status.OK] as keyof typeof status,
                details: error?.details ?? '',
                headers: received,
                trailers: error?.metadata ?? new Metadata(),
                ms: performance.now() - start,
              }),
          )
          .on('metadata', (sent) => {
            received = sent;
          });
      });
    },
    close: () => client.close(),
  };
}
