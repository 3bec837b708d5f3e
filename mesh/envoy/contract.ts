import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type Method, readMethods } from '../contract/method.ts';

/** What a route has to know of a method. */
export type MethodRoute = Pick<
  Method,
  'path' | 'service' | 'timeoutMs' | 'streaming' | 'retryable' | 'internal'
>;

/**
 * Reads the methods of all services from the contract's descriptor set, `gen/souk.binpb`.
 *
 * @throws Error if the contract contradicts itself
 */
export function readContractFile(path: string): Method[] {
  return readMethods(createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path))));
}

/** The full names of the services that a contract declares: `shop.order.v1.OrderService`. */
export function serviceNames(contract: readonly Pick<Method, 'path'>[]): string[] {
  return [...new Set(contract.map(({ path }) => path.split('/')[1] ?? ''))];
}
