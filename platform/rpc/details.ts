import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '@souk/contracts/google/rpc/error_details_pb.js';
import { StatusSchema } from '@souk/contracts/google/rpc/status_pb.js';
import type { DomainError, ErrorExtra, FieldViolation } from '../errors.ts';

/** Trailer with a serialized google.rpc.Status, as gRPC's richer error model names it. */
export const DETAILS_TRAILER = 'grpc-status-details-bin';
/** `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = 'souk';

// Proxies and clients bound the size of trailers (8 KiB in some): past this, further violations are left out.
const MAX_VIOLATIONS_LENGTH = 3_000;
const MAX_FIELD_LENGTH = 200;

/** The google.rpc.Status of an error: ErrorInfo, then BadRequest and RetryInfo where they apply. */
export function encodeDetails(error: DomainError, code: number, message: string): Buffer {
  const { reason, retryAfterMs } = error;
  const details: Any[] = [
    anyPack(
      ErrorInfoSchema,
      create(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata: { ...error.metadata } }),
    ),
  ];
  if (error.violations.length > 0) {
    details.push(
      anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: fitting(error.violations) })),
    );
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = {
      seconds: BigInt(Math.floor(retryAfterMs / 1000)),
      nanos: Math.floor(retryAfterMs % 1000) * 1e6,
    };
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fitting(violations: readonly FieldViolation[]): FieldViolation[] {
  const taken: FieldViolation[] = [];
  let length = 0;
  for (const violation of violations) {
    const field = cut(violation.field);
    const description = cut(violation.description);
    length += field.length + description.length;
    if (length > MAX_VIOLATIONS_LENGTH) break;
    taken.push({ field, description });
  }
  return taken;
}

// A cut may split a surrogate pair, which UTF-8 can't encode.
const cut = (text: string): string => text.slice(0, MAX_FIELD_LENGTH).toWellFormed();

/** What {@link encodeDetails} put in. An empty reason when the bytes hold no ErrorInfo of ours, or are malformed. */
export function decodeDetails(bytes: Uint8Array): { reason: string } & ErrorExtra {
  let reason = '';
  const extra: { -readonly [Key in keyof ErrorExtra]: ErrorExtra[Key] } = {};
  try {
    for (const detail of fromBinary(StatusSchema, bytes).details) {
      const info = anyUnpack(detail, ErrorInfoSchema);
      if (info?.domain === ERROR_DOMAIN) {
        reason = info.reason;
        extra.metadata = info.metadata;
      }
      const request = anyUnpack(detail, BadRequestSchema);
      if (request !== undefined) {
        extra.violations = request.fieldViolations.map(({ field, description }) => ({ field, description }));
      }
      const delay = anyUnpack(detail, RetryInfoSchema)?.retryDelay;
      if (delay !== undefined) extra.retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
    }
  } catch {
    return { reason: '' };
  }
  return { reason, ...extra };
}
