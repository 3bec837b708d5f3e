import { status } from '@grpc/grpc-js';
import { type CallDurations, callRecorder } from '../telemetry/metrics.ts';
import { ATTRIBUTES as A } from '../telemetry/names.ts';
import { currentSpan, isRecorded, recordSpan } from '../telemetry/span.ts';
import { childSpan, type TraceContext } from '../telemetry/trace.ts';
import { severityOf } from './status.ts';

/** One call of another service, seen from here. */
export interface OutgoingCall {
  /** What is sent along. */
  readonly trace: TraceContext;
  /** Tells how it ended, once. */
  end(code: status): void;
}

/**
 * Sees the calls of a method: measures them, if there are metrics, and makes spans of those whose trace is recorded, and
 * of those that fail because the other side is broken, slow or away.
 *
 * @param name `shop.product.v1.StockService/ReserveStock`
 */
export function observeCalls(
  name: string,
  durations: CallDurations | undefined,
): (parent: TraceContext | undefined) => OutgoingCall {
  const measure = durations && callRecorder(durations, name);

  function finish(trace: TraceContext, span: TraceContext | undefined, start: number, code: status): void {
    const end = performance.now();
    measure?.(code, (end - start) / 1000, span);
    const failed = severityOf(code) !== undefined;
    if (span === undefined && !failed) return;
    const kept = span ?? childSpan(trace);
    const answer = status[code] as string;
    recordSpan({
      ...{ trace: kept, name, kind: 'client', start, end },
      attributes: {
        [A.rpcSystem]: 'grpc',
        [A.rpcMethod]: name,
        [A.rpcStatus]: answer,
        ...(failed && { [A.errorType]: answer }),
      },
      error: failed ? answer : undefined,
    });
  }

  return (given) => {
    const parent = given ?? currentSpan();
    const trace = parent === undefined || isRecorded(parent) ? childSpan(parent) : parent;
    const span = isRecorded(trace) ? trace : undefined;
    const start = performance.now();
    return { trace, end: (code) => finish(trace, span, start, code) };
  };
}
