import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescMethod, fromBinary, getOption } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Access, policy } from '@souk/contracts/shop/contract/v1/policy_pb.js';

/** What the mesh has to know of a method; all of it is from the contract. */
export interface MethodRoute {
  /** `/shop.order.v1.OrderService/GetOrder` */
  readonly path: string;
  /** The short name of the service that serves it, such as `order`. */
  readonly service: string;
  /** The longest a call may take, in milliseconds; 0 only for streams: no bound. */
  readonly timeoutMs: number;
  /** Whether a call may be sent twice: the contract calls it free of side effects or idempotent. */
  readonly retryable: boolean;
  /** Whether only services may call it, so that the gateway must not let it in. */
  readonly internal: boolean;
}

/** Reads the methods of all `shop.<service>.<version>` packages from a descriptor set. */
export function readContract(descriptorSet: Uint8Array): MethodRoute[] {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const methods: MethodRoute[] = [];
  for (const file of registry.files) {
    const service = /^shop\.(\w+)\.v\d+$/.exec(file.proto.package)?.[1];
    if (service === undefined) continue;
    for (const { methods: declared } of file.services) {
      for (const method of declared) methods.push(methodRoute(service, method));
    }
  }
  return methods.sort((a, b) => a.path.localeCompare(b.path, 'en'));
}

/** The same from a file, `gen/souk.binpb`. */
export function readContractFile(path: string): MethodRoute[] {
  return readContract(readFileSync(path));
}

/** The full names of the services that a contract declares: `shop.order.v1.OrderService`. */
export function serviceNames(contract: readonly MethodRoute[]): string[] {
  return [...new Set(contract.map(({ path }) => path.split('/')[1] ?? ''))];
}

function methodRoute(service: string, method: DescMethod): MethodRoute {
  const { access, timeoutMs } = getOption(method, policy);
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    service,
    timeoutMs,
    retryable:
      method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ||
      method.idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT,
    // A method that doesn't state its access is let in by nobody.
    internal: access === Access.SERVICE || access === Access.UNSPECIFIED,
  };
}
