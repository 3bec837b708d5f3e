import type { Span } from './span.ts';

/** A trace in a list. */
export interface TraceSummary {
  readonly traceId: string;
  /** What began it, as far as is known. */
  readonly name: string;
  readonly service: string;
  readonly startMs: number;
  /** From its first span's start to the last one's end. */
  readonly durationMs: number;
  /** Whether any of its spans failed. */
  readonly failed: boolean;
  readonly spans: number;
}

/** The spans of late, in bounded memory. */
export interface SpanStore {
  add(span: Span): void;
  /** The spans of a trace, by their start. Empty: it is not known, or forgotten. */
  trace(traceId: string): Span[];
  /** Traces, the one that began to be known last first. Default: up to 100. */
  recent(options?: { readonly limit?: number; readonly failed?: boolean }): TraceSummary[];
  /** How many spans there are. */
  readonly size: number;
}

/** A trace has no more than this: one that goes on for ever must not push all others out. */
const MAX_SPANS_OF_A_TRACE = 500;

/** A store of up to `capacity` spans, which forgets the oldest traces. A span takes about 1 KiB. */
export function createSpanStore(capacity: number): SpanStore {
  // In the order in which they came to be known.
  const traces = new Map<string, Span[]>();
  let size = 0;

  return {
    add(span) {
      let spans = traces.get(span.traceId);
      if (spans === undefined) {
        spans = [];
        traces.set(span.traceId, spans);
      }
      if (spans.length >= MAX_SPANS_OF_A_TRACE) return;
      spans.push(span);
      size++;
      for (const [oldest, { length }] of traces) {
        if (size <= capacity) break;
        traces.delete(oldest);
        size -= length;
      }
    },
    trace: (traceId) => (traces.get(traceId) ?? []).toSorted((a, b) => a.startMs - b.startMs),
    recent({ limit = 100, failed = false } = {}) {
      const found: TraceSummary[] = [];
      for (const spans of [...traces.values()].toReversed()) {
        if (found.length >= limit) break;
        const summary = summarize(spans);
        if (!failed || summary.failed) found.push(summary);
      }
      return found;
    },
    get size() {
      return size;
    },
  };
}

function summarize(spans: readonly Span[]): TraceSummary {
  let first = spans[0] as Span;
  let endMs = 0;
  for (const span of spans) {
    // Clocks of processes differ by microseconds: what has no parent comes first, whatever its start.
    if (isBefore(span, first)) first = span;
    endMs = Math.max(endMs, span.startMs + span.durationMs);
  }
  const { traceId, name, service, startMs } = first;
  const failed = spans.some((span) => span.failed);
  return { traceId, name, service, startMs, durationMs: endMs - startMs, failed, spans: spans.length };
}

const isBefore = (a: Span, b: Span): boolean =>
  a.parentSpanId === '' || b.parentSpanId === '' ? b.parentSpanId !== '' : a.startMs < b.startMs;
