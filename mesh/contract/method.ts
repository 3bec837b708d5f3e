import { type DescMethod, type FileRegistry, getOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Access, policy } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { readPolicy } from '../../platform/rpc/policy.ts';
import { reservedCallers } from './callers.ts';

/** What the contract says of a method, as far as a mesh has to know it. */
export interface Method {
  /** `/shop.order.v1.OrderService/GetOrder` */
  readonly path: string;
  /** `shop.order.v1.OrderService` */
  readonly grpcService: string;
  /** `GetOrder` */
  readonly name: string;
  /** The short name of the service that serves it: `order`. */
  readonly service: string;
  /** Whom it lets in, besides `callers`. */
  readonly access: 'public' | 'user' | 'admin' | 'service';
  /** The short names of the services that may call it, in alphabetical order. */
  readonly callers: readonly string[];
  /** What a second call does; not stated: something else again, so that there must be none. */
  readonly idempotency: 'no side effects' | 'idempotent' | 'not stated';
  /** The longest a call may take, in milliseconds; 0 only for streams: no bound. */
  readonly timeoutMs: number;
  /** Whether more than one message may go either way. */
  readonly streaming: boolean;
  /** Whether a call may be sent twice: the contract calls it free of side effects or idempotent. */
  readonly retryable: boolean;
  /** Whether only services may call it, so that the gateway must not let it in. */
  readonly internal: boolean;
}

const accesses = new Map<Access, Method['access']>([
  [Access.PUBLIC, 'public'],
  [Access.USER, 'user'],
  [Access.ADMIN, 'admin'],
  [Access.SERVICE, 'service'],
]);

/**
 * Reads the methods of all `shop.<service>.v<n>` packages, in the order of their paths.
 *
 * @throws Error that names each method whose options are missing, contradict each other, or name a caller that there
 *   is not
 */
export function readMethods(registry: FileRegistry): Method[] {
  const faults: string[] = [];
  const declared: { service: string; method: DescMethod }[] = [];
  for (const { proto, services } of registry.files) {
    const service = /^shop\.([a-z][a-z0-9]*)\.v\d+$/.exec(proto.package)?.[1];
    for (const { typeName, methods } of services) {
      if (service === undefined) {
        faults.push(`${typeName} is in package ${proto.package}: it must be shop.<service>.v<n>`);
      } else if (reservedCallers.includes(service)) {
        faults.push(`${typeName} is of a service called ${service}, which means something else to the mesh`);
      } else declared.push(...methods.map((method) => ({ service, method })));
    }
  }
  const known = new Set(declared.map(({ service }) => service));
  const methods = declared.flatMap(({ service, method }) => {
    try {
      return readMethod(service, method, known);
    } catch (error) {
      faults.push((error as Error).message);
      return [];
    }
  });
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return methods.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The short names of the services that have methods, in alphabetical order. */
export function servicesOf(methods: readonly Method[]): string[] {
  return [...new Set(methods.map(({ service }) => service))].sort();
}

function readMethod(service: string, method: DescMethod, known: ReadonlySet<string>): Method {
  // Throws for the same reasons as at the start of the service.
  const { access, callers } = readPolicy(method);
  const grpcService = method.parent.typeName;
  const strangers = [...callers].filter((caller) => !known.has(caller));
  if (strangers.length > 0) {
    throw new Error(
      `the policy of ${grpcService}/${method.name} names callers that are no services: ${strangers.join(', ')}; ` +
        `there are ${[...known].sort().join(', ')}`,
    );
  }
  const idempotency = readIdempotency(method);
  return {
    path: `/${grpcService}/${method.name}`,
    grpcService,
    name: method.name,
    service,
    access: accesses.get(access) as Method['access'],
    callers: [...callers].sort(),
    idempotency,
    timeoutMs: getOption(method, policy).timeoutMs,
    streaming: method.methodKind !== 'unary',
    retryable: idempotency !== 'not stated',
    internal: access === Access.SERVICE,
  };
}

function readIdempotency({ idempotency }: DescMethod): Method['idempotency'] {
  if (idempotency === Level.NO_SIDE_EFFECTS) return 'no side effects';
  return idempotency === Level.IDEMPOTENT ? 'idempotent' : 'not stated';
}
