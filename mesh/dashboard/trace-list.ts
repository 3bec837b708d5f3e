import type { SpanView, TraceSummary } from './messages.ts';

/** The traces of late. */
export interface Traces {
  /** The spans of a trace, by their start. */
  trace(traceId: string): readonly SpanView[];
  recent(): readonly TraceSummary[];
}

/** `shop.order.v1.OrderService/CreateOrder` */
const METHOD = /^[\w.]+\/\w+$/;

/** The traces of late, by the method that each began with: an Envoy, which comes first, only says that it was called. */
export function listTraces({ recent, trace }: Traces): TraceSummary[] {
  return recent().map((summary) => ({
    ...summary,
    name: trace(summary.traceId).find(({ name }) => METHOD.test(name))?.name ?? summary.name,
  }));
}
