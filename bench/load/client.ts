import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { DETAILS_TRAILER, decodeDetails } from '../../platform/rpc/details.ts';
import { readPolicy } from '../../platform/rpc/policy.ts';

/** A call as a session wants it. */
export interface Call {
  readonly method: DescMethodUnary;
  readonly request: MessageInitShape<DescMessage>;
  /** An access token; empty: none. */
  readonly token: string;
  /** Finds out whether the call took effect, where its answer was lost and it can't just be repeated. */
  readonly verify?: { readonly call: Call; readonly done: (reply: Message) => boolean };
}

/** What a call came to. */
export type Answer =
  | { readonly ok: true; readonly reply: Message }
  /** `code` is gRPC's, by name. `reason` is the service's own word; empty: the connection's or a proxy's. */
  | { readonly ok: false; readonly code: string; readonly reason: string };

/** Sends a call once and tells what it came to. */
export type Send = (call: Call, done: (answer: Answer) => void) => void;

/** A little longer than the mesh's own bound: it is the shop that says DEADLINE_EXCEEDED, if it can. */
const GRACE_MS = 500;

/** As an app has it that was given the contracts: grpc-js with generated descriptors, over `connections` connections. */
export function createSend(address: string, connections: number): Send {
  const clients = Array.from(
    { length: connections },
    () =>
      new Client(address, credentials.createInsecure(), {
        // Else clients of one address would share a connection.
        'grpc.use_local_subchannel_pool': 1,
        // Repeats are counted: grpc-js would do its own behind our back.
        'grpc.enable_retries': 0,
        'grpc.enable_channelz': 0,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 1_000,
      }),
  );
  const codecs = new Map<DescMethodUnary, ReturnType<typeof codecOf>>();
  let next = 0;
  return ({ method, request, token }, done) => {
    const codec = codecs.get(method) ?? codecOf(method);
    codecs.set(method, codec);
    const { path, timeoutMs, serialize, deserialize } = codec;
    const metadata = new Metadata();
    if (token !== '') metadata.set('authorization', `Bearer ${token}`);
    const options = { deadline: Date.now() + timeoutMs + GRACE_MS };
    const client = clients[next++ % connections] as Client;
    client.makeUnaryRequest(path, serialize, deserialize, request, metadata, options, (error, reply) =>
      done(error ? failureOf(error) : { ok: true, reply: reply as Message }),
    );
  };
}

function codecOf(method: DescMethodUnary) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    timeoutMs: readPolicy(method).timeoutMs,
    serialize(request: MessageInitShape<DescMessage>): Buffer {
      const bytes = toBinary(method.input, create(method.input, request));
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function failureOf({ code, metadata }: ServiceError): Answer {
  const details = metadata?.get(DETAILS_TRAILER)[0];
  const reason = details instanceof Buffer ? decodeDetails(details).reason : '';
  return { ok: false, code: status[code] ?? String(code), reason };
}

/** Whether a call whose answer was lost may be sent again, as the contract says and docs/clients.md advises. */
export function mayBeRepeated({ method, verify }: Call): boolean {
  // A second login is one session more, which nobody minds.
  const harmless = method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN || method.name === 'Login';
  return harmless || verify !== undefined;
}
