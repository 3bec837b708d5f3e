import { randomFillSync } from 'node:crypto';

/** A position in a distributed trace: https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the span of the work under way here. */
  readonly spanId: string;
  /** The span that this one is part of. Absent: the trace begins here, or it is not known. */
  readonly parentSpanId?: string;
  readonly sampled: boolean;
}

/** How it is decided which traces are recorded. */
export interface Sampling {
  /** The part of traces, 0 to 1, that is recorded of those that begin here. */
  readonly ratio: number;
  /** Whether a trace that began elsewhere is recorded if it is there; else by the ratio, too. */
  readonly parentBased: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
/** Where a traceparent has the digit that holds the sampled flag. */
const FLAG_AT = 54;

const pool = Buffer.allocUnsafe(4096);
let used = pool.length;
let sampling: Sampling = { ratio: 0, parentBased: true };

/** Sets how traces are sampled in this process. Before, none that begins here is. */
export function setSampling(given: Sampling): void {
  sampling = given;
}

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

/** The caller's position from a `traceparent` header; undefined when it is absent or malformed. */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  const match = header === undefined ? null : TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  // Version ff is invalid; version 00 has no further fields, later ones may.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/**
 * Whether a `traceparent` may be of a sampled trace: a look at one digit, for what is done for every call and event. Only
 * when it is true the header is worth parsing.
 */
export function maySample(header: string | undefined): boolean {
  if (header === undefined || !sampling.parentBased) return true;
  const digit = header.charCodeAt(FLAG_AT);
  // Of 0–9 and a–f the odd ones; NaN of what is too short is even.
  return (digit < 97 ? digit & 1 : (digit & 1) ^ 1) === 1;
}

/** A new span in the parent's trace, or, without a parent, in a new trace. The sampling decides about a new one. */
export function childSpan(parent: TraceContext | undefined): TraceContext {
  if (parent === undefined) {
    const traceId = randomHex(16);
    return { traceId, spanId: randomHex(8), sampled: chosen(traceId) };
  }
  const { traceId, spanId: parentSpanId } = parent;
  const sampled = sampling.parentBased ? parent.sampled : chosen(traceId);
  return { traceId, spanId: randomHex(8), parentSpanId, sampled };
}

/** By the id's last digits, which are random whoever makes it. */
const chosen = (traceId: string): boolean =>
  sampling.ratio > 0 && Number.parseInt(traceId.slice(24), 16) < sampling.ratio * 0x1_0000_0000;

/** The `traceparent` header that makes the receiver's work a child of this span. */
export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}
