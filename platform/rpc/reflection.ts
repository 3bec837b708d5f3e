import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

/** The FileDescriptorSet of all contracts with their imports, as @souk/contracts ships it. */
export function contractsDescriptorSet(): Uint8Array {
  return readFileSync(fileURLToPath(import.meta.resolve('@souk/contracts/souk.binpb')));
}

interface Internals {
  fileEncodings: Map<{ name?: string }, Uint8Array>;
}

/**
 * Adds gRPC server reflection, v1 and v1alpha, over a FileDescriptorSet that includes its imports.
 *
 * The files are handed over as they are: @grpc/proto-loader would merge those of a package into one. And the
 * package encodes them again with protobufjs, which drops every custom option (validation rules, policies), so
 * its encodings are replaced by the originals.
 */
export function addReflection(server: Server, descriptorSet: Uint8Array): void {
  const files = fromBinary(FileDescriptorSetSchema, descriptorSet).file;
  const originals = new Map(
    files.map((file) => [file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file))]),
  );
  const definition = {
    souk: { fileDescriptorProtos: [...originals.values()] },
  } as unknown as PackageDefinition;
  const services = files.flatMap((file) => file.service.map((service) => `${file.package}.${service.name}`));
  const reflection = new ReflectionService(definition, { services });
  for (const version of Object.values(reflection) as Internals[]) {
    for (const file of version.fileEncodings.keys()) {
      const original = originals.get(file.name ?? '');
      if (original !== undefined) version.fileEncodings.set(file, original);
    }
  }
  reflection.addToServer(server);
}
