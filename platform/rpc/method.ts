import type { DescMessage, DescMethod, Message, MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type { Metrics } from '../telemetry/metrics.ts';
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
  readonly policy: Policy;
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly handle: Handle;
  /** Counts a finished call. */
  readonly count: (code: status, seconds: number) => void;
}

/** Prepares a method: reads its policy, compiles its validation, binds its metrics. Throws when it can't be served. */
export function prepareMethod<Handle>(method: DescMethod, handle: Handle, metrics: Metrics): Method<Handle> {
  const path = `/${method.parent.typeName}/${method.name}`;
  if (typeof handle !== 'function') throw new Error(`${path} has no handler`);
  const policy = readPolicy(method);
  warmValidator(method.input);
  return {
    path,
    policy,
    input: method.input,
    output: method.output,
    handle,
    count: counter(method, metrics),
  };
}

function counter(method: DescMethod, { calls }: Metrics): (code: status, seconds: number) => void {
  const labelsOf = (code: status) => ({
    rpc_system_name: 'grpc',
    rpc_method: `${method.parent.typeName}/${method.name}`,
    rpc_response_status_code: status[code] as string,
  });
  // There from the start, so that a rate exists before the first call.
  calls.zero(labelsOf(status.OK));
  const bound: { observe(seconds: number): void }[] = [];
  return (code, seconds) => {
    bound[code] ??= calls.labels(labelsOf(code));
    bound[code].observe(seconds);
  };
}
