import type { DescMessage, DescMethod, Message, MessageInitShape } from '@bufbuild/protobuf';
import type { status } from '@grpc/grpc-js';
import { callRecorder, type Metrics } from '../telemetry/metrics.ts';
import type { TraceContext } from '../telemetry/trace.ts';
import { warmValidator } from './codec.ts';
import type { Context } from './context.ts';
import { type Policy, readPolicy } from './policy.ts';

/** A unary handler without its types. */
export type UnaryHandle = (
  request: Message,
  context: Context,
) => Promise<MessageInitShape<DescMessage>> | MessageInitShape<DescMessage>;
/** A server-streaming handler without its types. */
export type StreamHandle = (
  request: Message,
  context: Context,
) => AsyncIterable<MessageInitShape<DescMessage>>;

/** All that a call of one method needs, prepared once. */
export interface Method<Handle> {
  /** `/shop.product.v1.ProductService/GetProduct`. */
  readonly path: string;
  /** The same without its first slash, as telemetry has it. */
  readonly name: string;
  readonly policy: Policy;
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly handle: Handle;
  /** Counts a finished call. `span` is its span, if it is recorded: whoever looks at a slow bucket finds a trace. */
  readonly count: (code: status, seconds: number, span: TraceContext | undefined) => void;
}

/** Prepares a method: reads its policy, compiles its validation, binds its metrics. Throws when it can't be served. */
export function prepareMethod<Handle>(method: DescMethod, handle: Handle, metrics: Metrics): Method<Handle> {
  const path = `/${method.parent.typeName}/${method.name}`;
  if (typeof handle !== 'function') throw new Error(`${path} has no handler`);
  const policy = readPolicy(method);
  warmValidator(method.input);
  // There from the start, so that a rate exists before the first call.
  metrics.calls.zero({
    rpc_system_name: 'grpc',
    rpc_method: path.slice(1),
    rpc_response_status_code: 'OK',
  });
  return {
    path,
    name: path.slice(1),
    policy,
    input: method.input,
    output: method.output,
    handle,
    count: callRecorder(metrics.calls, path.slice(1)),
  };
}
