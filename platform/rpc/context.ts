import { fail } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { TraceContext } from '../telemetry/trace.ts';

/** A signed-in user. */
export interface User {
  readonly userId: string;
  readonly role: 'customer' | 'admin';
  readonly sessionId: string;
}

/** Who calls, as proven by the call's credentials. */
export type Caller =
  | { readonly kind: 'anonymous' }
  | ({ readonly kind: 'user' } & User)
  | { readonly kind: 'service'; readonly name: string };

/** The caller without credentials. */
export const ANONYMOUS: Caller = Object.freeze({ kind: 'anonymous' });

/** What a handler knows about its call. */
export interface Context {
  readonly caller: Caller;
  /**
   * When the caller stops waiting, in milliseconds since the epoch; Infinity for a stream without a limit. Pass
   * it on to whatever is called.
   */
  readonly deadline: number;
  /** Aborted when the deadline passes, the client goes away, or the server drains (streams only). */
  readonly signal: AbortSignal;
  /** From `x-request-id`, else made here. */
  readonly requestId: string;
  /** This call's span, a child of the one in `traceparent`. */
  readonly trace: TraceContext;
  /** A logger whose lines carry the request and trace ids. */
  readonly log: Logger;
}

/** The signed-in user. Throws UNAUTHENTICATED when there is none: a public method that needs one after all. */
export function requireUser(context: Pick<Context, 'caller'>): User {
  if (context.caller.kind === 'user') return context.caller;
  throw fail('UNAUTHENTICATED', 'TOKEN_MISSING', 'This needs a signed-in user: send an access token.');
}
