/** The kinds of failure a caller can tell apart. Each maps to the gRPC status code of the same name. */
export type Kind =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'OUT_OF_RANGE'
  | 'CANCELLED'
  | 'INTERNAL';

/** One fault in one request field. `field` is a path such as `lines[2].quantity`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What a {@link DomainError} may carry besides its kind, reason and message. */
export interface ErrorExtra {
  /** Facts about the failure that a program may read. Sent to the caller: never personal data or secrets. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** When the same call may be worth repeating, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** Whether it is the failure of a service that this one called. */
  readonly passedOn?: boolean;
  /** Logged, never sent. */
  readonly cause?: unknown;
}

/**
 * A failure that the caller is meant to see: kind, reason and message cross the wire. Anything else that is
 * thrown reaches the caller as INTERNAL without its text, and so does a DomainError of kind INTERNAL.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly kind: Kind;
  /** Stable UPPER_SNAKE_CASE identifier of the cause; callers match on it. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;
  readonly passedOn: boolean;

  constructor(kind: Kind, reason: string, message: string, extra: ErrorExtra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.kind = kind;
    this.reason = reason;
    this.metadata = extra.metadata ?? {};
    this.violations = extra.violations ?? [];
    this.retryAfterMs = extra.retryAfterMs;
    this.passedOn = extra.passedOn ?? false;
  }
}

/** Makes a {@link DomainError}, to be thrown: `throw fail('NOT_FOUND', 'PRODUCT_NOT_FOUND', '…')`. */
export function fail(kind: Kind, reason: string, message: string, extra?: ErrorExtra): DomainError {
  return new DomainError(kind, reason, message, extra);
}

/** An INVALID_ARGUMENT for one field. `reason` defaults to FIELD_INVALID. */
export function invalidField(field: string, description: string, reason = 'FIELD_INVALID'): DomainError {
  return new DomainError('INVALID_ARGUMENT', reason, `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/** Whether `error` is a {@link DomainError} with one of the reasons. */
export function hasReason(error: unknown, ...reasons: string[]): error is DomainError {
  return error instanceof DomainError && reasons.includes(error.reason);
}
