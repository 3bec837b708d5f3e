import { Metadata, status } from '@grpc/grpc-js';
import { isConnectionFailure, isSerializationFailure, isStatementTimeout } from '../db/errors.ts';
import { DomainError, fail, type Kind } from '../errors.ts';
import { DETAILS_TRAILER, encodeDetails } from './details.ts';

/** The one table from kinds of failure to gRPC status codes. */
export const CODES: Readonly<Record<Kind, status>> = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  NOT_FOUND: status.NOT_FOUND,
  ALREADY_EXISTS: status.ALREADY_EXISTS,
  FAILED_PRECONDITION: status.FAILED_PRECONDITION,
  ABORTED: status.ABORTED,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  UNAVAILABLE: status.UNAVAILABLE,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  OUT_OF_RANGE: status.OUT_OF_RANGE,
  CANCELLED: status.CANCELLED,
  INTERNAL: status.INTERNAL,
};

/** Trailer that tells the caller of a failed call which request to ask about. */
export const REQUEST_ID_HEADER = 'x-request-id';
/** Tells the caller's proxy whose failure it is: another try here would be one more there, where it was tried again. */
const PASSED_ON_HEADER = 'x-souk-passed-on';
/** Reason of what a stopping server ends: planned, and no failure. */
export const SERVER_DRAINING = 'SERVER_DRAINING';
const MAX_MESSAGE_LENGTH = 500;

/** Codes that say that something is broken here. */
const FAULTS = new Set([status.INTERNAL, status.UNKNOWN, status.DATA_LOSS]);
/** Codes that say that something is too slow, or away. */
const TROUBLES = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** Whether a call with this code failed by no fault of its caller, and how badly. */
export const severityOf = (code: status): 'fault' | 'trouble' | undefined =>
  FAULTS.has(code) ? 'fault' : TROUBLES.has(code) ? 'trouble' : undefined;

/** A failed call's status, as grpc-js takes it. */
export interface ErrorStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Turns whatever was thrown into the one error that the caller may see. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isConnectionFailure(error)) {
    return fail('UNAVAILABLE', 'DATABASE_UNAVAILABLE', 'The service can not reach its database. Try again.', {
      retryAfterMs: 1_000,
      cause: error,
    });
  }
  if (isSerializationFailure(error)) {
    return fail('ABORTED', 'CONCURRENT_CHANGE', 'Another change got in between. Try again.', {
      retryAfterMs: 50,
      cause: error,
    });
  }
  if (isStatementTimeout(error)) {
    return fail('DEADLINE_EXCEEDED', 'DATABASE_TIMEOUT', 'The database took too long.', { cause: error });
  }
  return fail('INTERNAL', 'INTERNAL', '', { cause: error });
}

/** The status to answer. An INTERNAL one says nothing but the request's id. */
export function toStatus(error: DomainError, requestId: string): ErrorStatus {
  const code = CODES[error.kind];
  const shown = error.kind === 'INTERNAL' ? fail('INTERNAL', 'INTERNAL', internalMessage(requestId)) : error;
  // grpc-js percent-encodes the message, which throws on half a surrogate pair.
  const details = shown.message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed();
  const metadata = new Metadata();
  metadata.set(DETAILS_TRAILER, encodeDetails(shown, code, details));
  metadata.set(REQUEST_ID_HEADER, requestId);
  return { code, details, metadata };
}

/**
 * Begins the answer of a call that failed because a service that this one called is away or too slow: then its status
 * comes apart, in the trailers, and Envoy doesn't hold it against this instance, which it would leave out for what
 * another service does.
 */
export function beginPassedOn(grpc: { sendMetadata(headers: Metadata): void }, error: DomainError): void {
  if (error.passedOn && severityOf(CODES[error.kind]) === 'trouble')
    grpc.sendMetadata(Metadata.fromHttp2Headers({ [PASSED_ON_HEADER]: '1' }));
}

const internalMessage = (requestId: string) =>
  `Something went wrong on our side. When you report it, name the request ${requestId}.`;
