import {
  create,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { credentials, Client as GrpcClient, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { SERVICE_HEADER, SERVICE_TOKEN_HEADER } from '../auth/service-token.ts';
import { DomainError, fail, type Kind } from '../errors.ts';
import { childSpan, formatTraceparent } from '../telemetry/trace.ts';
import { deadlineExceeded } from './call.ts';
import type { Context } from './context.ts';
import { DETAILS_TRAILER, decodeDetails } from './details.ts';
import { readPolicy } from './policy.ts';
import { CODES, REQUEST_ID_HEADER } from './status.ts';

/** The part of a handler's context that a call passes on. */
export type CallContext = Partial<Pick<Context, 'deadline' | 'signal' | 'requestId' | 'trace'>>;

type UnaryMethod<Method extends DescMethod> =
  Method extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, context?: CallContext) => Promise<MessageShape<O>>
    : never;

/** A typed client of a service's unary methods. */
export type Client<Service extends DescService> = {
  [Name in keyof Service['method'] as Service['method'][Name] extends DescMethodUnary
    ? Name
    : never]: UnaryMethod<Service['method'][Name]>;
} & { close(): void };

/** Where to call, and as whom. */
export interface ClientOptions {
  /** A gRPC target; with several addresses behind it, calls go round. */
  readonly address: string;
  /** Sent with serviceToken, for methods that are open to services. */
  readonly serviceName?: string;
  readonly serviceToken?: string;
}

const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/**
 * Makes a client. Each call gets the deadline min(context.deadline, now + the method's timeout), and carries
 * the request id and the trace on. A failure is a {@link DomainError} with the callee's kind, reason, violations
 * and retry delay. Kinds that blame this service and not its caller (UNAUTHENTICATED, PERMISSION_DENIED, codes
 * without a kind) become INTERNAL. Nothing is retried here: the mesh does, by the contract.
 */
export function createClient<Service extends DescService>(
  service: Service,
  options: ClientOptions,
): Client<Service> {
  const grpc = new GrpcClient(options.address, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  });
  const client: Record<string, unknown> = { close: () => grpc.close() };
  for (const method of service.methods) {
    if (method.methodKind === 'unary')
      client[method.localName] = unary(grpc, method as DescMethodUnary, options);
  }
  return client as Client<Service>;
}

function unary(grpc: GrpcClient, method: DescMethodUnary, options: ClientOptions) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const { timeoutMs } = readPolicy(method);
  const { input, output } = method;
  const serialize = (request: Uint8Array): Buffer =>
    Buffer.from(request.buffer, request.byteOffset, request.byteLength);
  const deserialize = (bytes: Buffer) => fromBinary(output, bytes);

  return (init: MessageInitShape<typeof input>, context: CallContext = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const { signal } = context;
      signal?.throwIfAborted();
      const now = Date.now();
      const deadline = Math.min(context.deadline ?? Number.POSITIVE_INFINITY, now + timeoutMs);
      if (deadline <= now) throw deadlineExceeded();
      const request = toBinary(input, create(input, init));
      const metadata = headers(options, context);
      const call = grpc.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        metadata,
        { deadline },
        (error, value) => {
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve(value);
          // Cancelled by our own signal: its reason tells more than the status does.
          else reject(signal?.aborted === true ? signal.reason : toError(error, path));
        },
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
}

function headers(options: ClientOptions, context: CallContext): Metadata {
  const metadata = new Metadata();
  if (options.serviceName !== undefined && options.serviceToken !== undefined) {
    metadata.set(SERVICE_HEADER, options.serviceName);
    metadata.set(SERVICE_TOKEN_HEADER, options.serviceToken);
  }
  if (context.requestId !== undefined) metadata.set(REQUEST_ID_HEADER, context.requestId);
  metadata.set('traceparent', formatTraceparent(context.trace ?? childSpan(undefined)));
  return metadata;
}

const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind as Kind]));
const OUR_FAULT = new Set<Kind>(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'INTERNAL']);

function toError(error: ServiceError, path: string): DomainError {
  const kind = KINDS.get(error.code) ?? 'INTERNAL';
  const bytes = error.metadata?.get(DETAILS_TRAILER)[0];
  const { reason, ...extra } = bytes instanceof Buffer ? decodeDetails(bytes) : { reason: '' };
  if (OUR_FAULT.has(kind)) {
    const cause = new Error(`${path} answered ${status[error.code]} ${reason}: ${error.details}`);
    return fail('INTERNAL', 'UPSTREAM_FAILED', `${path} failed`, { cause });
  }
  if (reason !== '') return new DomainError(kind, reason, error.details, extra);
  // Without our details the status comes from a proxy or from the transport, whose text names addresses.
  if (kind === 'DEADLINE_EXCEEDED') return deadlineExceeded();
  const cause = new Error(`${path}: ${error.message}`);
  return fail(kind, `UPSTREAM_${kind}`, 'A service that is needed did not answer.', { ...extra, cause });
}
