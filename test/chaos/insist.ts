import { setTimeout as sleep } from 'node:timers/promises';
import { type CallOptions, Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@souk/contracts/google/rpc/error_details_pb.js';
import type { Random } from '../random.ts';
import type { Tally } from './tally.ts';

/** What a client knows after it called, and called again as long as it didn't know. */
export type Known<T> =
  | { readonly kind: 'ok'; readonly value: T; readonly attempts: number }
  /** The service itself said no. */
  | { readonly kind: 'refused'; readonly code: Code; readonly reason: string; readonly attempts: number }
  /** It gave up: it may or may not have happened. */
  | { readonly kind: 'unknown' };

/** How a client insists. */
export interface Patience {
  readonly random: Random;
  readonly tally: Tally;
  /** How often to call at most. */
  readonly attempts: number;
}

/** By these a service says that it did nothing, and would do nothing if it were asked again. */
const refusals = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.Aborted,
  Code.OutOfRange,
  Code.PermissionDenied,
]);

/**
 * Calls until the outcome is known, as a good client does: the same request again after UNAVAILABLE,
 * DEADLINE_EXCEEDED or a lost connection. `method` is what the tally counts the call as.
 */
export async function insist<T>(
  method: string,
  call: (options: CallOptions) => Promise<T>,
  { random, tally, attempts }: Patience,
): Promise<Known<T>> {
  const began = Date.now();
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      // Some clients are impatient: what they give up goes on without them.
      const value = await call({ timeoutMs: random.pick([400, 2_000, 5_000, 10_000]) });
      tally.count(method, 'OK', Date.now() - began);
      return { kind: 'ok', value, attempts: attempt };
    } catch (cause) {
      const error = ConnectError.from(cause);
      // Without the service's own word for it an error may be the connection's: Node's ECONNRESET is ABORTED here.
      const [info] = error.findDetails(ErrorInfoSchema).filter(({ domain }) => domain === 'souk');
      const own = info !== undefined && refusals.has(error.code);
      tally.count(method, `${Code[error.code]} ${info?.reason ?? ''}`.trim(), Date.now() - began);
      if (own) return { kind: 'refused', code: error.code, reason: info.reason, attempts: attempt };
      await sleep(random.integer(20, 150) * Math.min(attempt, 8));
    }
  }
  return { kind: 'unknown' };
}
