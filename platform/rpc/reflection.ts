import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MethodDefinition, Server, UntypedHandleCall } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

/** The FileDescriptorSet of all contracts with their imports, as @souk/contracts ships it. */
export function contractsDescriptorSet(): Uint8Array {
  return readFileSync(fileURLToPath(import.meta.resolve('@souk/contracts/souk.binpb')));
}

/** What is used of the package's own parts. */
interface Version {
  readonly fileEncodings: Map<{ name?: string }, Uint8Array>;
}
interface Added {
  readonly method: MethodDefinition<object, object>;
  readonly handle: UntypedHandleCall;
}

/**
 * Adds gRPC server reflection, v1 and v1alpha, over a FileDescriptorSet that includes its imports. What it answers
 * from is made at the first call: it costs half a second of processor time, which a start has no use for.
 */
export function addReflection(server: Server, descriptorSet: Uint8Array): void {
  let loaded: Map<string, Added> | undefined;
  for (const version of ['v1', 'v1alpha']) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const real = (): Added => {
      loaded ??= load(descriptorSet);
      return loaded.get(path) as Added;
    };
    const method: MethodDefinition<object, object> = {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (message) => real().method.requestSerialize(message),
      requestDeserialize: (bytes) => real().method.requestDeserialize(bytes),
      responseSerialize: (message) => real().method.responseSerialize(message),
      responseDeserialize: (bytes) => real().method.responseDeserialize(bytes),
    };
    const handle = ((call: never) => (real().handle as (call: never) => void)(call)) as UntypedHandleCall;
    server.addService({ ServerReflectionInfo: method }, { ServerReflectionInfo: handle });
  }
}

/**
 * The package's own methods, by their paths. The files are handed over as they are: @grpc/proto-loader would merge
 * those of a package into one. And the package encodes them again with protobufjs, which drops every custom option
 * (validation rules, policies), so its encodings are replaced by the originals.
 */
function load(descriptorSet: Uint8Array): Map<string, Added> {
  const files = fromBinary(FileDescriptorSetSchema, descriptorSet).file;
  const originals = new Map(
    files.map((file) => [file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file))]),
  );
  const definition = {
    souk: { fileDescriptorProtos: [...originals.values()] },
  } as unknown as PackageDefinition;
  const services = files.flatMap((file) => file.service.map((service) => `${file.package}.${service.name}`));
  const reflection = new ReflectionService(definition, { services });
  for (const version of Object.values(reflection) as Version[]) {
    for (const file of version.fileEncodings.keys()) {
      const original = originals.get(file.name ?? '');
      if (original !== undefined) version.fileEncodings.set(file, original);
    }
  }
  const added = new Map<string, Added>();
  const collector: Pick<Server, 'addService'> = {
    addService(methods, handlers) {
      for (const [name, method] of Object.entries(methods)) {
        const handle = handlers[name] ?? handlers[method.originalName ?? ''];
        if (handle) added.set(method.path, { method, handle });
      }
    },
  };
  reflection.addToServer(collector as Server);
  return added;
}
