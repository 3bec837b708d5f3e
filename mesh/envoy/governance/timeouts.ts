import { milliseconds, type Resource } from '../resource.ts';

/**
 * Whichever is shorter, the contract's bound or the client's own `grpc-timeout`. It is kept as a stream duration,
 * and not as a route timeout, because that one answers gRPC callers UNAVAILABLE, which they may take for a reason
 * to try again; this one answers DEADLINE_EXCEEDED.
 *
 * @param timeoutMs the contract's bound; 0: a stream without one
 */
export function deadline(timeoutMs: number): Resource {
  const bound = milliseconds(timeoutMs);
  return {
    timeout: '0s',
    // Streams without a bound live as long as their caller, however quiet they are.
    ...(timeoutMs === 0 ? { idle_timeout: '0s' } : {}),
    max_stream_duration: { max_stream_duration: bound, grpc_timeout_header_max: bound },
  };
}
