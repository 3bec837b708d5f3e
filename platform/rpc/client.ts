import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { credentials, Client as GrpcClient, status } from '@grpc/grpc-js';
import type { CallDurations } from '../telemetry/metrics.ts';
import { type CallContext, outgoing, toError } from './client-call.ts';
import { serverStream } from './client-stream.ts';
import { directServiceConfig, isDirect, roundRobin } from './direct.ts';
import { INSTANCE_RECONNECT_MS, PROXY_RECONNECT_MS } from './reconnect.ts';

export type { CallContext };

type ClientMethod<Method extends DescMethod> =
  Method extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, context?: CallContext) => Promise<MessageShape<O>>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, context?: CallContext) => AsyncIterable<MessageShape<O>>
      : never;

/** A typed client of a service's methods, but for those that stream from the client. */
export type Client<Service extends DescService> = {
  [Name in keyof Service['method'] as Service['method'][Name] extends
    | DescMethodUnary
    | DescMethodServerStreaming
    ? Name
    : never]: ClientMethod<Service['method'][Name]>;
} & { close(): void };

/** Where to call, and as whom. */
export interface ClientOptions {
  /** A gRPC target; with several addresses behind it, calls go round. */
  readonly address: string;
  /** Sent with serviceToken, for methods that are open to services. */
  readonly serviceName?: string;
  readonly serviceToken?: string;
  /** Where to measure. Default: nowhere. */
  readonly durations?: CallDurations | undefined;
}

const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
/** How much may be on its way to here, as with the Envoys: of HTTP/2's own 64 KiB a page of events takes several. */
const WINDOW_BYTES = 1024 * 1024;

/**
 * Makes a client. Each call gets the deadline min(context.deadline, now + the method's timeout), and carries
 * the request id and the trace on. A failure is a {@link DomainError} with the callee's kind, reason, violations
 * and retry delay. Kinds that blame this service and not its caller (UNAUTHENTICATED, PERMISSION_DENIED, codes
 * without a kind) become INTERNAL. The mesh retries, by the contract; an address without a mesh (direct.ts) is retried
 * here by the same rule.
 */
export function createClient<Service extends DescService>(
  service: Service,
  options: ClientOptions,
): Client<Service> {
  const direct = isDirect(options.address);
  const grpc = new GrpcClient(options.address, credentials.createInsecure(), {
    'grpc.enable_retries': direct ? 1 : 0,
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': direct ? INSTANCE_RECONNECT_MS : PROXY_RECONNECT_MS,
    'grpc-node.flow_control_window': WINDOW_BYTES,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.service_config': JSON.stringify(direct ? directServiceConfig(service) : roundRobin),
  });
  const client: Record<string, unknown> = { close: () => grpc.close() };
  for (const method of service.methods) {
    const { methodKind, localName } = method;
    if (methodKind === 'unary') client[localName] = unary(grpc, method as DescMethodUnary, options);
    if (methodKind === 'server_streaming')
      client[localName] = serverStream(grpc, method as DescMethodServerStreaming, options);
  }
  return client as Client<Service>;
}

function unary(grpc: GrpcClient, method: DescMethodUnary, options: ClientOptions) {
  const { path, serialize, deserialize, begin } = outgoing(method, options);

  return (init: MessageInitShape<typeof method.input>, context: CallContext = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const { signal } = context;
      const { request, metadata, deadline, call: observed } = begin(init, context);
      const call = grpc.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        metadata,
        { deadline },
        (error, value) => {
          signal?.removeEventListener('abort', cancel);
          observed.end(error?.code ?? status.OK);
          if (error === null) resolve(value);
          // Cancelled by our own signal: its reason tells more than the status does.
          else reject(signal?.aborted === true ? signal.reason : toError(error, path));
        },
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
}
