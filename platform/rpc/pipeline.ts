import type { Message } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { Access } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import type { Authenticate } from '../auth/authenticate.ts';
import type { DomainError } from '../errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { authorize } from './authorize.ts';
import { type Call, deadlineExceeded, type GrpcCall } from './call.ts';
import { decodeRequest } from './codec.ts';
import { ANONYMOUS, type Caller } from './context.ts';
import type { Method } from './method.ts';
import { CODES } from './status.ts';

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
    if (!open) throw error;
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

const FAULTS = new Set<status>([status.INTERNAL, status.UNKNOWN, status.DATA_LOSS]);
const TROUBLES = new Set<status>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** Counts and logs a finished call. Reads that succeed are logged at debug only. */
export function observe(runtime: Runtime, method: Method<unknown>, call: Call, error?: DomainError): void {
  const code = error === undefined ? status.OK : CODES[error.kind];
  const durationMs = performance.now() - call.arrivedAt;
  method.count(code, durationMs / 1000);

  let level: 'error' | 'warn' | 'info' | 'debug' = 'info';
  if (code === status.OK) level = method.policy.safe ? 'debug' : 'info';
  else if (FAULTS.has(code)) level = 'error';
  else if (TROUBLES.has(code)) level = 'warn';
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
