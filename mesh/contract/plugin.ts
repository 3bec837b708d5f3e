import { create, createFileRegistry } from '@bufbuild/protobuf';
import {
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import type { Plugin } from '@bufbuild/protoplugin';
import { eventCatalogue } from './event-catalogue.ts';
import { generate } from './generate.ts';
import { readMethods } from './method.ts';

/**
 * Makes the meshes' configuration, the table of methods and the list of events from the contract. It has to see the whole
 * contract in one run (`strategy: all`). Faults in the contract are answered as its error, all at once.
 */
export const plugin: Plugin = {
  name: 'protoc-gen-mesh',
  version: '1',
  run(request) {
    const response = create(CodeGeneratorResponseSchema, {
      supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
    });
    try {
      const set = create(FileDescriptorSetSchema, { file: request.protoFile });
      const registry = createFileRegistry(set);
      const files = generate(readMethods(registry));
      files.set('docs/event-catalogue.md', eventCatalogue(registry));
      for (const [name, content] of files) {
        response.file.push({
          $typeName: 'google.protobuf.compiler.CodeGeneratorResponse.File',
          ...{ name, content, insertionPoint: '' },
        });
      }
    } catch (error) {
      response.error = (error as Error).message;
    }
    return response;
  },
};
