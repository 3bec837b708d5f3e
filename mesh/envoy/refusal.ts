import { createRegistry, fromBinary, toJson } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { ErrorInfoSchema, RetryInfoSchema } from '@souk/contracts/google/rpc/error_details_pb.js';
import { StatusSchema } from '@souk/contracts/google/rpc/status_pb.js';
import { fail } from '../../platform/errors.ts';
import { DETAILS_TRAILER, encodeDetails } from '../../platform/rpc/details.ts';
import type { Resource } from './resource.ts';

/** An answer RESOURCE_EXHAUSTED of Envoy's own: nothing was done, and the caller is told when to come again. */
export interface Refusal {
  readonly message: string;
  /** With the details of google.rpc.Status, as services send them. */
  readonly headers: readonly Resource[];
  /** The whole google.rpc.Status in JSON. */
  readonly json: unknown;
}

/** How long, in seconds, who is refused is told to wait. */
const WAIT_S = 1;

const registry = createRegistry(ErrorInfoSchema, RetryInfoSchema);

/** Who calls too often. */
export const rateLimited = refusal('RATE_LIMITED', 'Too many calls. Wait for a second, then make fewer.');

/** Whose call is one more than may be under way. */
export const overloaded = refusal(
  'OVERLOADED',
  'More is under way than the shop can do. Wait for a second, then try again.',
);

function refusal(reason: string, message: string): Refusal {
  const error = fail('RESOURCE_EXHAUSTED', reason, message, { retryAfterMs: WAIT_S * 1_000 });
  const details = encodeDetails(error, status.RESOURCE_EXHAUSTED, message);
  return {
    message,
    headers: [
      { header: { key: DETAILS_TRAILER, value: details.toString('base64').replace(/=+$/, '') } },
      { header: { key: 'retry-after', value: String(WAIT_S) } },
    ],
    json: toJson(StatusSchema, fromBinary(StatusSchema, details), { registry }),
  };
}
