import { create, setExtension } from '@bufbuild/protobuf';
import {
  type CodeGeneratorRequest,
  CodeGeneratorRequestSchema,
  EmptySchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  file_google_protobuf_descriptor,
  file_google_protobuf_empty,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import {
  file_shop_contract_v1_policy,
  type MethodPolicy,
  policy,
} from '@souk/contracts/shop/contract/v1/policy_pb.js';

/** A method as a contract states it; what is left out is not stated. */
export interface Stated {
  readonly policy?: Partial<Pick<MethodPolicy, 'access' | 'callers' | 'timeoutMs'>>;
  readonly idempotency?: keyof typeof MethodOptions_IdempotencyLevel;
  readonly stream?: boolean;
}

/** A contract with a service for each package, as buf gives it to a plugin. */
export function requestOf(packages: Record<string, Record<string, Stated>>): CodeGeneratorRequest {
  const files = Object.entries(packages).map(([name, methods]) => file(name, methods));
  return create(CodeGeneratorRequestSchema, {
    fileToGenerate: files.map(({ name }) => name),
    protoFile: [
      file_google_protobuf_empty.proto,
      file_google_protobuf_descriptor.proto,
      file_shop_contract_v1_policy.proto,
      ...files,
    ],
  });
}

function file(name: string, methods: Record<string, Stated>): FileDescriptorProto {
  const empty = `.${EmptySchema.typeName}`;
  return create(FileDescriptorProtoSchema, {
    name: `${name.replaceAll('.', '/')}/service.proto`,
    package: name,
    syntax: 'proto3',
    dependency: ['google/protobuf/empty.proto', 'shop/contract/v1/policy.proto'],
    service: [
      {
        name: 'TestService',
        method: Object.entries(methods).map(([method, stated]) => ({
          name: method,
          inputType: empty,
          outputType: empty,
          serverStreaming: stated.stream ?? false,
          options: options(stated),
        })),
      },
    ],
  });
}

function options({ policy: stated, idempotency = 'IDEMPOTENCY_UNKNOWN' }: Stated) {
  const message = create(MethodOptionsSchema, {
    idempotencyLevel: MethodOptions_IdempotencyLevel[idempotency],
  });
  if (stated) {
    setExtension(message, policy, {
      $typeName: 'shop.contract.v1.MethodPolicy',
      ...{ access: 0, callers: [], timeoutMs: 0, ...stated },
    });
  }
  return message;
}
