import type { DescMethodServerStreaming, Message, MessageInitShape } from '@bufbuild/protobuf';
import type { ClientReadableStream, Client as GrpcClient, ServiceError } from '@grpc/grpc-js';
import type { ClientOptions } from './client.ts';
import { type CallContext, type Outgoing, outgoing, toError } from './client-call.ts';

type Call = (
  init: MessageInitShape<DescMethodServerStreaming['input']>,
  context?: CallContext,
) => AsyncIterable<Message>;

/**
 * The calls of a server-streaming method. Each iteration is one call, which begins when the first message is asked
 * for. Messages are taken from the connection as they are asked for, but for some that are read ahead: a slow reader
 * holds the callee back. It ends as the callee says: done, or with its error, which comes after the messages that were
 * read ahead and may overtake others. It is cancelled when the iterator is returned (a loop that is left does so) and
 * when the context's signal aborts; then it rejects with the signal's reason.
 */
export function serverStream(
  grpc: GrpcClient,
  method: DescMethodServerStreaming,
  options: ClientOptions,
): Call {
  const prepared = outgoing(method, options);
  return (init, context = {}) => ({
    [Symbol.asyncIterator]: () => iterate(grpc, prepared, init, context),
  });
}

function iterate(
  grpc: GrpcClient,
  prepared: Outgoing,
  init: Parameters<Call>[0],
  context: CallContext,
): AsyncIterator<Message> {
  const { path, serialize, deserialize } = prepared;
  const { signal } = context;
  let stream: ClientReadableStream<Message> | undefined;
  let error: unknown;
  let over = false;
  /** Ends the wait for a message. */
  let wake = (): void => {};

  function end(reason?: unknown): void {
    if (over) return;
    over = true;
    error = reason;
    signal?.removeEventListener('abort', abort);
    wake();
  }
  function abort(): void {
    end(signal?.reason);
    stream?.cancel();
  }
  function open(): ClientReadableStream<Message> {
    const { request, metadata, deadline, call } = prepared.begin(init, context);
    const opened = grpc.makeServerStreamRequest(path, serialize, deserialize, request, metadata, {
      deadline,
    });
    opened.on('readable', () => wake());
    opened.on('end', () => end());
    opened.once('status', ({ code }) => call.end(code));
    // It stays: a call that is cancelled says so, after the end as well.
    opened.on('error', (failure: ServiceError) => end(toError(failure, path)));
    signal?.addEventListener('abort', abort, { once: true });
    return opened;
  }

  return {
    async next() {
      if (stream === undefined && !over) stream = open();
      for (;;) {
        // What came before the error is still there.
        const message: Message | null = signal?.aborted === true ? null : (stream?.read() ?? null);
        if (message !== null) return { done: false, value: message };
        if (over) {
          if (error === undefined) return { done: true, value: undefined };
          const reason = error;
          error = undefined;
          throw reason;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async return() {
      end();
      stream?.cancel();
      stream = undefined;
      return { done: true, value: undefined };
    },
  };
}
