import { randomUUID } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { type DomainError, fail } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { isRecorded } from '../telemetry/span.ts';
import { childSpan, maySample, parseTraceparent, type TraceContext } from '../telemetry/trace.ts';
import { ANONYMOUS, type Caller, type Context } from './context.ts';
import { REQUEST_ID_HEADER } from './status.ts';

/** What the pipeline uses of grpc-js's server calls, unary and streaming. */
export interface GrpcCall {
  readonly metadata: Metadata;
  readonly request: Buffer;
  cancelled: boolean;
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** One call under way. Everything that most calls never ask for is made when asked. */
export class Call implements Context {
  caller: Caller = ANONYMOUS;
  readonly deadline: number;
  /** On performance.now()'s clock. */
  readonly arrivedAt = performance.now();
  /** The status was given; whatever comes later is dropped. */
  finished = false;
  /** When the client itself gives up, in milliseconds since the epoch; grpc-js answers it then. */
  readonly clientDeadline: number;
  readonly #grpc: GrpcCall;
  readonly #rootLog: Logger;
  #requestId: string | undefined;
  #trace: TraceContext | undefined;
  #log: Logger | undefined;
  #controller: AbortController | undefined;
  #aborted: DomainError | undefined;

  constructor(grpc: GrpcCall, timeoutMs: number, rootLog: Logger) {
    this.#grpc = grpc;
    this.#rootLog = rootLog;
    this.clientDeadline = Number(grpc.getDeadline());
    this.deadline = Math.min(this.clientDeadline, Date.now() + timeoutMs);
  }

  get requestId(): string {
    if (this.#requestId === undefined) {
      const sent = this.#grpc.metadata.get(REQUEST_ID_HEADER)[0];
      this.#requestId = typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
    }
    return this.#requestId;
  }

  get trace(): TraceContext {
    if (this.#trace === undefined) {
      this.#trace = childSpan(parseTraceparent(this.#traceparent()));
    }
    return this.#trace;
  }

  /** The call's span, if it is recorded. Of the others nothing is made. */
  get span(): TraceContext | undefined {
    if (this.#trace === undefined && !maySample(this.#traceparent())) return undefined;
    return isRecorded(this.trace) ? this.trace : undefined;
  }

  #traceparent(): string | undefined {
    const sent = this.#grpc.metadata.get('traceparent')[0];
    return typeof sent === 'string' ? sent : undefined;
  }

  get log(): Logger {
    this.#log ??= this.#rootLog.child({ requestId: this.requestId, traceId: this.trace.traceId });
    return this.#log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
      else if (this.#grpc.cancelled) this.abort(this.goneReason());
      // grpc-js emits this after each call's end as well, when there is nothing left to abort.
      else this.#grpc.once('cancelled', () => this.finished || this.abort(this.goneReason()));
    }
    return this.#controller.signal;
  }

  /** Aborts the signal, with the first reason given. */
  abort(reason: DomainError): void {
    this.#aborted ??= reason;
    this.#controller?.abort(this.#aborted);
  }

  /** Why a call that grpc-js cancelled ended: it tells a passed deadline and a client's cancel alike. */
  goneReason(): DomainError {
    return Date.now() >= this.clientDeadline ? deadlineExceeded() : clientGone();
  }
}

/** The error of a call whose deadline has passed. */
export const deadlineExceeded = (): DomainError =>
  fail(
    'DEADLINE_EXCEEDED',
    'DEADLINE_EXCEEDED',
    'The deadline of the call has passed. A change may have happened.',
  );

const clientGone = (): DomainError => fail('CANCELLED', 'CANCELLED', 'The client cancelled the call.');
