import type { Message } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { Access } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import type { Authenticate } from '../auth/authenticate.ts';
import { isUnvouched } from '../auth/mesh-identity.ts';
import type { DomainError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { ATTRIBUTES as A } from '../telemetry/names.ts';
import { recordSpan } from '../telemetry/span.ts';
import { authorize } from './authorize.ts';
import { type Call, deadlineExceeded, type GrpcCall } from './call.ts';
import { decodeRequest } from './codec.ts';
import { ANONYMOUS, type Caller } from './context.ts';
import type { Method } from './method.ts';
import { CODES, SERVER_DRAINING, severityOf } from './status.ts';

/** What all calls of a server share. */
export interface Runtime {
  readonly authenticate: Authenticate;
  readonly log: Logger;
  /** Ends of the streams under way, to be called when the server drains. */
  readonly streams: Set<(reason: DomainError) => void>;
}

/** The stages before the handler, in their order: deadline, credentials, access, decoding, validation. */
export function admit(
  runtime: Runtime,
  method: Method<unknown>,
  call: Call,
  grpc: GrpcCall,
): Message | Promise<Message> {
  if (call.deadline <= Date.now()) throw deadlineExceeded();
  const open = method.policy.access === Access.PUBLIC;
  let caller: Caller | Promise<Caller>;
  try {
    caller = runtime.authenticate(grpc.metadata);
  } catch (error) {
    if (!open || isUnvouched(error)) throw error;
    caller = ANONYMOUS;
  }
  if (caller instanceof Promise) {
    // To a public method bad credentials are none, and keys that can't be had are no reason to refuse.
    const settled = open ? caller.catch(() => ANONYMOUS) : caller;
    return settled.then((known) => enter(method, call, grpc, known));
  }
  return enter(method, call, grpc, caller);
}

function enter(method: Method<unknown>, call: Call, grpc: GrpcCall, caller: Caller): Message {
  call.caller = caller;
  authorize(method.policy, caller);
  return decodeRequest(method.input, grpc.request);
}

/**
 * Counts, records and logs a finished call. A span is made of one whose trace is sampled, and of any that failed by a
 * fault of this side. Reads that succeed are logged at debug only.
 */
export function observe(runtime: Runtime, method: Method<unknown>, call: Call, error?: DomainError): void {
  const code = error === undefined ? status.OK : CODES[error.kind];
  const now = performance.now();
  const durationMs = now - call.arrivedAt;
  const severity = severityOf(code);
  const { span } = call;
  method.count(code, durationMs / 1000, span);
  if (span !== undefined || (severity !== undefined && error?.reason !== SERVER_DRAINING))
    recordCall(method, call, code, now, error);

  let level: 'error' | 'warn' | 'info' | 'debug' = 'info';
  if (code === status.OK) level = method.policy.safe ? 'debug' : 'info';
  else if (severity === 'fault') level = 'error';
  else if (severity === 'trouble') level = 'warn';
  if (!runtime.log.isLevelEnabled(level)) return;

  const { caller } = call;
  runtime.log[level](
    {
      requestId: call.requestId,
      traceId: call.trace.traceId,
      method: method.path,
      code: status[code],
      durationMs: Math.round(durationMs * 100) / 100,
      caller: caller.kind,
      ...(caller.kind === 'user' && { userId: caller.userId }),
      ...(caller.kind === 'service' && { service: caller.name }),
      ...(error !== undefined && { reason: error.reason }),
      ...(error?.cause !== undefined && { err: error.cause }),
    },
    'call',
  );
}

function recordCall(
  method: Method<unknown>,
  call: Call,
  code: status,
  end: number,
  error: DomainError | undefined,
): void {
  const failed = severityOf(code) !== undefined;
  recordSpan({
    trace: call.trace,
    name: method.name,
    kind: 'server',
    start: call.arrivedAt,
    end,
    attributes: {
      [A.rpcSystem]: 'grpc',
      [A.rpcMethod]: method.name,
      [A.rpcStatus]: status[code],
      [A.requestId]: call.requestId,
      ...(error !== undefined && { [A.reason]: error.reason }),
      ...(failed && { [A.errorType]: status[code] }),
    },
    error: failed ? status[code] : undefined,
  });
}
