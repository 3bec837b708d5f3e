import { status } from '@grpc/grpc-js';
import { fail } from '../../platform/errors.ts';
import { DETAILS_TRAILER, encodeDetails } from '../../platform/rpc/details.ts';
import type { Resource } from './resource.ts';

/** How long, in seconds, who is refused is told to wait. */
const WAIT_S = 1;

/** The headers of an answer RESOURCE_EXHAUSTED of Envoy's own: its reason, and how long to wait. */
export function refusalHeaders(reason: string, message: string): Resource[] {
  const error = fail('RESOURCE_EXHAUSTED', reason, message, { retryAfterMs: WAIT_S * 1_000 });
  const details = encodeDetails(error, status.RESOURCE_EXHAUSTED, message);
  return [
    { header: { key: DETAILS_TRAILER, value: details.toString('base64').replace(/=+$/, '') } },
    { header: { key: 'retry-after', value: String(WAIT_S) } },
  ];
}
