import type { Method } from './method.ts';

/** How often a retryable call may be sent again. */
export const maxRetries = 2;

/**
 * How long one try of a retryable call may take, in milliseconds: an instance that accepts calls and never answers
 * costs half of the time, not all of it. Undefined for streams, which last as long as they do.
 */
export function tryTimeoutMs({
  timeoutMs,
  streaming,
}: Pick<Method, 'timeoutMs' | 'streaming'>): number | undefined {
  return streaming || timeoutMs === 0 ? undefined : Math.ceil(timeoutMs / 2);
}
