import type { ServerWritableStream } from '@grpc/grpc-js';
import { type DomainError, fail } from '../errors.ts';
import { Call, deadlineExceeded } from './call.ts';
import { encodeResponse } from './codec.ts';
import type { Method, StreamHandle } from './method.ts';
import { admit, observe, type Runtime } from './pipeline.ts';
import { beginPassedOn, SERVER_DRAINING, toDomainError, toStatus } from './status.ts';

type StreamCall = ServerWritableStream<Buffer, Buffer>;

/** A grpc-js handler, on raw bytes, that sends what an async iterable yields, as fast as the client reads. */
export function serveStream(method: Method<StreamHandle>, runtime: Runtime): (grpc: StreamCall) => void {
  return (grpc) => {
    void new Stream(method, runtime, grpc).serve();
  };
}

/** The error that ends the streams of a server that drains. */
export const draining = (): DomainError =>
  fail(
    'UNAVAILABLE',
    SERVER_DRAINING,
    'This instance is stopping. Call again to go on after the last message.',
    {
      retryAfterMs: 0,
    },
  );

class Stream {
  readonly #method: Method<StreamHandle>;
  readonly #runtime: Runtime;
  readonly #grpc: StreamCall;
  readonly #call: Call;
  #stopped: DomainError | undefined;
  /** Ends the wait under way, for a message or for room. One slot: a promise raced in a loop would leak. */
  #wake: (() => void) | undefined;

  constructor(method: Method<StreamHandle>, runtime: Runtime, grpc: StreamCall) {
    this.#method = method;
    this.#runtime = runtime;
    this.#grpc = grpc;
    this.#call = new Call(grpc, method.policy.timeoutMs, runtime.log);
  }

  async serve(): Promise<void> {
    const call = this.#call;
    const { streams } = this.#runtime;
    const stop = (reason: DomainError): void => this.#stop(reason);
    streams.add(stop);
    this.#grpc.once('cancelled', () => call.finished || stop(call.goneReason()));
    const limited = Number.isFinite(call.deadline) && call.deadline < call.clientDeadline;
    const timer = limited
      ? setTimeout(() => stop(deadlineExceeded()), call.deadline - Date.now())
      : undefined;
    let failure: DomainError | undefined;
    try {
      const request = await admit(this.#runtime, this.#method, call, this.#grpc);
      // Not within its span: what a stream of hours does would be a trace without an end.
      await this.#send(this.#method.handle(request, call)[Symbol.asyncIterator]());
      failure = this.#stopped;
    } catch (error) {
      failure = this.#stopped ?? toDomainError(error);
    } finally {
      clearTimeout(timer);
      streams.delete(stop);
    }
    call.finished = true;
    if (failure === undefined) this.#grpc.end();
    // grpc-js sends what was written before, then this as the status.
    else if (!this.#grpc.cancelled) {
      beginPassedOn(this.#grpc, failure);
      this.#grpc.emit('error', toStatus(failure, call.requestId));
    }
    observe(this.#runtime, this.#method, call, failure);
  }

  #stop(reason: DomainError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    this.#call.abort(reason);
    this.#wake?.();
  }

  async #send(messages: AsyncIterator<Parameters<typeof encodeResponse>[1]>): Promise<void> {
    try {
      while (this.#stopped === undefined) {
        const next = await this.#next(messages);
        if (next === undefined || next.done === true) return;
        if (!this.#grpc.write(encodeResponse(this.#method.output, next.value))) await this.#room();
      }
    } finally {
      // Not awaited: a generator that is stuck must not keep the stream from ending. Its signal is aborted.
      if (this.#stopped !== undefined) void Promise.resolve(messages.return?.()).catch(() => {});
    }
  }

  /** The iterator's next result, or undefined when the stream is stopped first. */
  #next<T>(messages: AsyncIterator<T>): Promise<IteratorResult<T> | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      messages.next().then(resolve, reject);
    });
  }

  /** Waits until the client has read enough, or the stream is stopped. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#grpc.removeListener('drain', done);
        resolve();
      };
      this.#wake = done;
      this.#grpc.once('drain', done);
    });
  }
}
