import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attribute } from './names.ts';
import { childSpan, type TraceContext } from './trace.ts';

/** What is said of a span. Never a secret, an e-mail address, or a statement's parameters. */
export type SpanAttributes = Partial<Record<Attribute, string | number | boolean>>;

/** One piece of work that is done. */
export interface FinishedSpan {
  readonly trace: TraceContext;
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  /** On performance.now()'s clock, as is `end`. */
  readonly start: number;
  readonly end: number;
  readonly attributes: SpanAttributes;
  /** What went wrong, as a stable word. Absent: nothing. */
  readonly error?: string | undefined;
  /** What else it was done for. */
  readonly links?: readonly TraceContext[];
}

type Sink = (span: FinishedSpan) => void;

let sink: Sink | undefined;
const current = new AsyncLocalStorage<TraceContext | undefined>();

/** Sets who takes spans in this process; nobody by default. */
export function setSpanSink(taker: Sink | undefined): void {
  sink = taker;
}

/** Whether anything is recorded of a trace here: it is sampled, and somebody takes spans. */
export const isRecorded = (trace: TraceContext | undefined): trace is TraceContext =>
  sink !== undefined && trace?.sampled === true;

/** Records a finished span, whether or not its trace is sampled: ask {@link isRecorded}, or have a failure. */
export function recordSpan(span: FinishedSpan): void {
  sink?.(span);
}

/** The recorded span within which this runs. Undefined: none, as most work is not recorded. */
export const currentSpan = (): TraceContext | undefined => current.getStore();

/** Runs `work` within a span, if that is recorded, and else outside of any; what it does becomes part of that one. */
export function within<T>(trace: TraceContext | undefined, work: () => T): T {
  const wanted = isRecorded(trace) ? trace : undefined;
  return current.getStore() === wanted ? work() : current.run(wanted, work);
}

/** What is said of a span before its work is done. */
export interface SpanStart {
  readonly name: string;
  readonly kind: FinishedSpan['kind'];
  readonly attributes: SpanAttributes;
  readonly links?: readonly TraceContext[];
}

/**
 * Runs `work` as a span of its own within `parent`, if that is recorded, and else just runs it. `describe` is asked only
 * then.
 *
 * @param errorOf what is said of an error that `work` rejects with; default: its code or its class
 */
export async function inSpan<T>(
  parent: TraceContext | undefined,
  describe: () => SpanStart,
  work: () => Promise<T>,
  errorOf: (error: unknown) => string = nameOf,
): Promise<T> {
  if (!isRecorded(parent)) return work();
  const trace = childSpan(parent);
  const start = performance.now();
  const finish = (error?: string) =>
    recordSpan({ ...describe(), trace, start, end: performance.now(), error });
  try {
    const result = await current.run(trace, work);
    finish();
    return result;
  } catch (error) {
    finish(errorOf(error));
    throw error;
  }
}

/** SQLSTATE, a system's code, a reason of ours, or else the class: never the message, which may quote data. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { reason, code } = error as { reason?: unknown; code?: unknown };
  return typeof reason === 'string' ? reason : typeof code === 'string' ? code : error.name;
}
