import type { Message } from '@bufbuild/protobuf';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { DomainError } from '../errors.ts';
import { within } from '../telemetry/span.ts';
import { Call, deadlineExceeded } from './call.ts';
import { encodeResponse } from './codec.ts';
import type { Method, UnaryHandle } from './method.ts';
import { admit, observe, type Runtime } from './pipeline.ts';
import { beginPassedOn, toDomainError, toStatus } from './status.ts';

type UnaryCall = ServerUnaryCall<Buffer, Buffer>;
type Reply = sendUnaryData<Buffer>;

/** A grpc-js handler, on raw bytes, that runs each call through the pipeline. */
export function serveUnary(
  method: Method<UnaryHandle>,
  runtime: Runtime,
): (grpc: UnaryCall, reply: Reply) => void {
  return (grpc, reply) => {
    const call = new Call(grpc, method.policy.timeoutMs, runtime.log);
    void serve(method, runtime, grpc, reply, call);
  };
}

async function serve(
  method: Method<UnaryHandle>,
  runtime: Runtime,
  grpc: UnaryCall,
  reply: Reply,
  call: Call,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const { span } = call;
  try {
    let request = admit(runtime, method, call, grpc);
    if (request instanceof Promise) {
      timer = limit(method, runtime, grpc, reply, call);
      request = await request;
      if (call.finished) return;
    }
    let response = within(span, () => method.handle(request as Message, call));
    if (response instanceof Promise) {
      timer ??= limit(method, runtime, grpc, reply, call);
      response = await response;
    }
    if (call.finished) return;
    const bytes = encodeResponse(method.output, response);
    call.finished = true;
    // grpc-js drops the answer to a call that is gone.
    if (grpc.cancelled) {
      observe(runtime, method, call, call.goneReason());
    } else {
      reply(null, bytes);
      observe(runtime, method, call);
    }
  } catch (error) {
    if (call.finished) return;
    const failure = toDomainError(error);
    finish(method, runtime, grpc, reply, call, grpc.cancelled ? call.goneReason() : failure);
  } finally {
    clearTimeout(timer);
  }
}

/** Arms the method's own timeout, unless the client's deadline, which grpc-js watches, comes first. */
function limit(
  method: Method<UnaryHandle>,
  runtime: Runtime,
  grpc: UnaryCall,
  reply: Reply,
  call: Call,
): NodeJS.Timeout | undefined {
  if (call.clientDeadline <= call.deadline) return undefined;
  return setTimeout(expire, call.deadline - Date.now(), method, runtime, grpc, reply, call);
}

function expire(
  method: Method<UnaryHandle>,
  runtime: Runtime,
  grpc: UnaryCall,
  reply: Reply,
  call: Call,
): void {
  if (!call.finished) finish(method, runtime, grpc, reply, call, deadlineExceeded());
}

function finish(
  method: Method<UnaryHandle>,
  runtime: Runtime,
  grpc: UnaryCall,
  reply: Reply,
  call: Call,
  error: DomainError,
): void {
  call.finished = true;
  beginPassedOn(grpc, error);
  reply(toStatus(error, call.requestId));
  call.abort(error);
  observe(runtime, method, call, error);
}
