import { type Client, credentials, Client as GrpcClient, Metadata } from '@grpc/grpc-js';

/** grpc.health.v1.HealthCheckResponse's states that matter here; anything else, or no answer, is `false`. */
export type Serving = boolean;

const method = (name: 'Check' | 'Watch') => `/grpc.health.v1.Health/${name}`;

// HealthCheckRequest has one string, field 1; HealthCheckResponse one enum, field 1, where 1 is SERVING.
const serialize = (service: string) => {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
};
const deserialize = (bytes: Buffer): Serving => bytes[0] === 0x08 && bytes[1] === 1;

/** A connection for health checks. Short pauses between tries to connect: what it waits for is about to start. */
export function healthClient(address: string): Client {
  return new GrpcClient(address, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.min_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 200,
    // Else clients of one address share connections, and one's close waits for the other's.
    'grpc.use_local_subchannel_pool': 1,
  });
}

/** Asks once whether a service ("" for the whole process) takes calls. False also where nobody answers in time. */
export function checkHealth(client: Client, service = '', timeoutMs = 1_000): Promise<Serving> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      method('Check'),
      serialize,
      deserialize,
      service,
      { deadline: Date.now() + timeoutMs },
      (error, serving) => resolve(!error && serving === true),
    );
  });
}

/** Follows a process's health, and tells each change, the first SERVING included, until it is stopped. */
export function watchHealth(address: string, changed: (serving: Serving) => void): { stop(): void } {
  const client = healthClient(address);
  const waitForReady = new Metadata({ waitForReady: true });
  let stopped = false;
  let last = false;
  let timer: NodeJS.Timeout | undefined;
  let cancel = () => {};

  const tell = (serving: Serving) => {
    if (stopped || serving === last) return;
    last = serving;
    changed(serving);
  };
  const watch = () => {
    const stream = client.makeServerStreamRequest(method('Watch'), serialize, deserialize, '', waitForReady);
    cancel = () => stream.cancel();
    stream.on('data', (serving: Serving) => {
      tell(serving);
      // A process that drains waits for its open streams, so this one must not stay; it is opened again soon.
      if (!serving) stream.cancel();
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      tell(false);
      if (!stopped) timer = setTimeout(watch, 100);
    });
  };
  watch();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      cancel();
      client.close();
    },
  };
}
