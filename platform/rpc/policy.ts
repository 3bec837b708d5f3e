import { type DescMethod, getOption, hasOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { Access, policy } from '@souk/contracts/shop/contract/v1/policy_pb.js';

/** What the contract's options say of a method. */
export interface Policy {
  readonly access: Access;
  /** Services that may call, besides whom `access` lets in. */
  readonly callers: ReadonlySet<string>;
  /** Default and upper bound of a call's time. Infinity: a stream without a limit. */
  readonly timeoutMs: number;
  /** NO_SIDE_EFFECTS: a read. */
  readonly safe: boolean;
}

/** A timer of Node's longer than 2^31 ms would end at once. */
const MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/**
 * Reads a method's policy from its descriptor. Throws when it is absent or contradicts itself, so that a server
 * with such a method never starts: a forgotten option must not open a method.
 */
export function readPolicy(method: DescMethod): Policy {
  const name = `${method.parent.typeName}/${method.name}`;
  if (!hasOption(method, policy)) throw new Error(`${name} has no policy option`);
  const { access, callers, timeoutMs } = getOption(method, policy);
  if (!(access in Access) || access === Access.UNSPECIFIED)
    throw new Error(`the policy of ${name} has no access`);
  if (access === Access.SERVICE && callers.length === 0) {
    throw new Error(`the policy of ${name} lets in services, and names none`);
  }
  if (access === Access.PUBLIC && callers.length > 0) {
    throw new Error(`the policy of ${name} lets in everybody, and names services besides`);
  }
  if (timeoutMs === 0 && method.methodKind === 'unary')
    throw new Error(`the policy of ${name} has no timeout`);
  if (timeoutMs > MAX_TIMEOUT_MS) throw new Error(`the policy of ${name} has a timeout of more than a day`);
  return {
    access,
    callers: new Set(callers),
    timeoutMs: timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs,
    safe: method.idempotency === Idempotency.NO_SIDE_EFFECTS,
  };
}
