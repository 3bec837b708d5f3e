import type { ExportTraceServiceRequest } from '../generated/otlp/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import type { AnyValue, KeyValue } from '../generated/otlp/opentelemetry/proto/common/v1/common_pb.js';
import {
  type Span as OtlpSpan,
  Span_SpanKind,
  Status_StatusCode,
} from '../generated/otlp/opentelemetry/proto/trace/v1/trace_pb.js';

/** What an attribute can hold: lists and maps become JSON. */
export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** One piece of work within a trace. */
export interface Span {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Empty: the trace begins here. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  /** Who did it: `order`, `gateway`, `order-sidecar`. */
  readonly service: string;
  /** Which of them: `order-1`. */
  readonly instance: string;
  /** Since the epoch, with fractions. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly attributes: Attributes;
  /** Spans of other traces that this one also worked for. */
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

const KINDS: Readonly<Partial<Record<Span_SpanKind, Span['kind']>>> = {
  [Span_SpanKind.SERVER]: 'server',
  [Span_SpanKind.CLIENT]: 'client',
  [Span_SpanKind.PRODUCER]: 'producer',
  [Span_SpanKind.CONSUMER]: 'consumer',
};

/** The spans in a decoded request. */
export function* spansIn(request: ExportTraceServiceRequest): Generator<Span> {
  for (const { resource, scopeSpans } of request.resourceSpans) {
    const { 'service.name': service, 'service.instance.id': instance } = attributesOf(
      resource?.attributes ?? [],
    );
    for (const { spans } of scopeSpans)
      for (const span of spans) yield toSpan(span, String(service ?? ''), String(instance ?? ''));
  }
}

function toSpan(span: OtlpSpan, service: string, instance: string): Span {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    name: span.name,
    kind: KINDS[span.kind] ?? 'internal',
    service,
    instance,
    startMs: Number(span.startTimeUnixNano) / 1e6,
    durationMs: Math.max(0, Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6),
    failed: span.status?.code === Status_StatusCode.ERROR,
    attributes: attributesOf(span.attributes),
    links: span.links.map(({ traceId, spanId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
  };
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

/** Attributes as a plain object. */
export function attributesOf(pairs: readonly KeyValue[]): Attributes {
  const attributes: Record<string, AttributeValue> = {};
  for (const { key, value } of pairs) attributes[key] = plain(value);
  return attributes;
}

function plain(any: AnyValue | undefined): AttributeValue {
  const given = any?.value;
  switch (given?.case) {
    case 'stringValue':
    case 'boolValue':
    case 'doubleValue':
      return given.value;
    case 'intValue':
      return Number(given.value);
    case 'bytesValue':
      return Buffer.from(given.value).toString('base64');
    case 'arrayValue':
      return JSON.stringify(given.value.values.map(plain));
    case 'kvlistValue':
      return JSON.stringify(attributesOf(given.value.values));
    default:
      return '';
  }
}
