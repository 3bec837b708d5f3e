import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { create, createFileRegistry, fromBinary, getOption, hasOption } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import {
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Access, policy } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { testServer } from '../testing/server.ts';
import { contractsDescriptorSet } from './reflection.ts';

interface Answer {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number };
}

async function reflect(version: 'v1' | 'v1alpha'): Promise<(request: object) => Promise<Answer>> {
  const { address } = await testServer({ implementations: [], descriptorSet: contractsDescriptorSet() });
  const folder = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'));
  const definition = loadSync(join(folder, `build/proto/grpc/reflection/${version}/reflection.proto`));
  const path = ['grpc', 'reflection', version, 'ServerReflection'];
  const Reflection = path.reduce<GrpcObject>(
    (scope, name) => scope[name] as GrpcObject,
    loadPackageDefinition(definition),
  ) as unknown as ServiceClientConstructor;
  const client = new Reflection(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return (request) =>
    new Promise((resolve, reject) => {
      const stream = client.serverReflectionInfo?.();
      stream.on('data', resolve).on('error', reject);
      stream.end(request);
    });
}

test.each(['v1', 'v1alpha'] as const)('%s lists every service of the contracts', async (version) => {
  const ask = await reflect(version);
  const { listServicesResponse } = await ask({ listServices: '' });
  expect(listServicesResponse?.service.map(({ name }) => name).toSorted()).toEqual([
    'shop.order.v1.OrderEventService',
    'shop.order.v1.OrderService',
    'shop.product.v1.ProductEventService',
    'shop.product.v1.ProductService',
    'shop.product.v1.StockService',
    'shop.user.v1.UserEventService',
    'shop.user.v1.UserService',
    'shop.user.v1.WalletService',
  ]);
});

test('a client that follows imports by name gets complete files, options included', async () => {
  const ask = await reflect('v1');
  const { fileDescriptorResponse } = await ask({ fileContainingSymbol: 'shop.order.v1.OrderService' });
  const files = new Map<string, ReturnType<typeof decode>>();
  const decode = (bytes: Buffer) => fromBinary(FileDescriptorProtoSchema, bytes);
  const queue = fileDescriptorResponse?.fileDescriptorProto.map(decode) ?? [];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file.name)) continue;
    files.set(file.name, file);
    for (const filename of file.dependency.filter((name) => !files.has(name))) {
      const answer = await ask({ fileByFilename: filename });
      expect(answer.errorResponse).toBeUndefined();
      queue.push(...(answer.fileDescriptorResponse?.fileDescriptorProto.map(decode) ?? []));
    }
  }
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: sorted([...files.values()]) }));
  const createOrder = registry.getService('shop.order.v1.OrderService')?.method.createOrder;
  expect(createOrder && hasOption(createOrder, policy) && getOption(createOrder, policy).access).toBe(
    Access.USER,
  );
});

/** A registry wants each file after its imports. */
function sorted<File extends { name: string; dependency: string[] }>(files: File[]): File[] {
  const done = new Map<string, File>();
  const visit = (file: File | undefined): void => {
    if (file === undefined || done.has(file.name)) return;
    for (const name of file.dependency) visit(files.find((other) => other.name === name));
    done.set(file.name, file);
  };
  files.forEach(visit);
  return [...done.values()];
}
