import type { Method } from './method.ts';

/** How often a retryable call may be sent again. */
export const maxRetries = 2;

/** What any call can be done in by another instance, in milliseconds. */
const ENOUGH_MS = 3_000;

/**
 * How long one try of a retryable call may take, in milliseconds: an instance that accepts calls and never answers
 * costs half of the time, not all of it. Or more than half where enough is left then: CreateOrder's second try waits
 * until whoever had the first, and died, is given up, and must come to its end without a third. Undefined for streams,
 * which last as long as they do.
 */
export function tryTimeoutMs({
  timeoutMs,
  streaming,
}: Pick<Method, 'timeoutMs' | 'streaming'>): number | undefined {
  return streaming || timeoutMs === 0 ? undefined : Math.max(Math.ceil(timeoutMs / 2), timeoutMs - ENOUGH_MS);
}
