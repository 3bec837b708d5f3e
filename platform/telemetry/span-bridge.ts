import { type HrTime, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { FinishedSpan } from './span.ts';

const KINDS: Readonly<Record<FinishedSpan['kind'], SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};
const SCOPE = { name: 'souk' };
const UNSET = { code: SpanStatusCode.UNSET };
/** A clock that was set moves the spans after it. In milliseconds. */
const MAX_DRIFT = 5;

/**
 * Gives finished spans to a processor of the SDK. They come whole, because a span is made when its work is done: of what
 * is not recorded there is nothing, and a failure that was not sampled becomes a span after the fact.
 */
export function spanExporter(processor: SpanProcessor, resource: Resource): (span: FinishedSpan) => void {
  let origin = performance.timeOrigin;
  const toTime = (at: number): HrTime => {
    const ms = origin + at;
    const seconds = Math.floor(ms / 1000);
    return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
  };

  return ({ trace, name, kind, start, end, attributes, error, links = [] }) => {
    const drift = Date.now() - (origin + performance.now());
    if (Math.abs(drift) > MAX_DRIFT) origin += drift;
    const { traceId, parentSpanId } = trace;
    const context = contextOf(traceId, trace.spanId);
    const duration = Math.max(0, end - start);
    const span: ReadableSpan = {
      name,
      kind: KINDS[kind],
      spanContext: () => context,
      ...(parentSpanId !== undefined && { parentSpanContext: contextOf(traceId, parentSpanId) }),
      startTime: toTime(start),
      endTime: toTime(start + duration),
      duration: [Math.floor(duration / 1000), Math.round((duration % 1000) * 1e6)],
      status: error === undefined ? UNSET : { code: SpanStatusCode.ERROR, message: error },
      attributes,
      links: links.map((link) => ({ context: contextOf(link.traceId, link.spanId) })),
      events: [],
      ended: true,
      resource,
      instrumentationScope: SCOPE,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
    processor.onEnd(span);
  };
}

/** Sampled, as all is that comes here. */
const contextOf = (traceId: string, spanId: string): SpanContext => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
});
