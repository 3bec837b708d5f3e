import {
  create,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { SERVICE_HEADER, SERVICE_TOKEN_HEADER } from '../auth/service-token.ts';
import { DomainError, fail, type Kind } from '../errors.ts';
import { formatTraceparent, type TraceContext } from '../telemetry/trace.ts';
import { deadlineExceeded } from './call.ts';
import type { ClientOptions } from './client.ts';
import { type OutgoingCall, observeCalls } from './client-telemetry.ts';
import type { Context } from './context.ts';
import { DETAILS_TRAILER, decodeDetails } from './details.ts';
import { readPolicy } from './policy.ts';
import { CODES, REQUEST_ID_HEADER } from './status.ts';

/** The part of a handler's context that a call passes on. */
export type CallContext = Partial<Pick<Context, 'deadline' | 'signal' | 'requestId' | 'trace'>>;

/** What is known of a method before it is called, in grpc-js's terms. */
export interface Outgoing {
  readonly path: string;
  readonly serialize: (request: Uint8Array) => Buffer;
  readonly deserialize: (bytes: Buffer) => MessageShape<DescMethodUnary['output']>;
  /**
   * The start of one call, with the deadline min(context.deadline, now + the method's timeout). Throws when that has
   * passed or the context's signal is aborted.
   */
  begin(
    init: MessageInitShape<DescMethodUnary['input']>,
    context: CallContext,
  ): {
    readonly request: Uint8Array;
    readonly metadata: Metadata;
    readonly deadline: number;
    /** To be told the end. */
    readonly call: OutgoingCall;
  };
}

/** Prepares the calls of a method. Throws when it has no policy. */
export function outgoing(
  method: DescMethodUnary | DescMethodServerStreaming,
  options: ClientOptions,
): Outgoing {
  const { timeoutMs } = readPolicy(method);
  const { input, output } = method;
  const name = `${method.parent.typeName}/${method.name}`;
  const observe = observeCalls(name, options.durations);
  return {
    path: `/${name}`,
    serialize: (request) => Buffer.from(request.buffer, request.byteOffset, request.byteLength),
    deserialize: (bytes) => fromBinary(output, bytes),
    begin(init, context) {
      context.signal?.throwIfAborted();
      const now = Date.now();
      const deadline = Math.min(context.deadline ?? Number.POSITIVE_INFINITY, now + timeoutMs);
      if (deadline <= now) throw deadlineExceeded();
      const request = toBinary(input, create(input, init));
      const call = observe(context.trace);
      return { request, metadata: headers(options, context, call.trace), deadline, call };
    },
  };
}

function headers(options: ClientOptions, context: CallContext, trace: TraceContext): Metadata {
  const metadata = new Metadata();
  if (options.serviceName !== undefined && options.serviceToken !== undefined) {
    metadata.set(SERVICE_HEADER, options.serviceName);
    metadata.set(SERVICE_TOKEN_HEADER, options.serviceToken);
  }
  if (context.requestId !== undefined) metadata.set(REQUEST_ID_HEADER, context.requestId);
  metadata.set('traceparent', formatTraceparent(trace));
  return metadata;
}

const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind as Kind]));
const OUR_FAULT = new Set<Kind>(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'INTERNAL']);

/** What a failed call of `path` is here: the callee's error, or INTERNAL where that blames this service. */
export function toError(error: ServiceError, path: string): DomainError {
  const kind = KINDS.get(error.code) ?? 'INTERNAL';
  const bytes = error.metadata?.get(DETAILS_TRAILER)[0];
  const { reason, ...extra } = bytes instanceof Buffer ? decodeDetails(bytes) : { reason: '' };
  if (OUR_FAULT.has(kind)) {
    const cause = new Error(`${path} answered ${status[error.code]} ${reason}: ${error.details}`);
    return fail('INTERNAL', 'UPSTREAM_FAILED', `${path} failed`, { cause });
  }
  if (reason !== '') return new DomainError(kind, reason, error.details, { ...extra, passedOn: true });
  // Without our details the status comes from a proxy or from the transport, whose text names addresses.
  if (kind === 'DEADLINE_EXCEEDED') return deadlineExceeded();
  const cause = new Error(`${path}: ${error.message}`);
  return fail(kind, `UPSTREAM_${kind}`, 'A service that is needed did not answer.', {
    ...extra,
    passedOn: true,
    cause,
  });
}
