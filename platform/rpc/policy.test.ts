import { create, createFileRegistry, type DescService, setExtension } from '@bufbuild/protobuf';
import {
  EmptySchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_empty,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { Access, type MethodPolicy, policy } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { expect, test } from 'vitest';
import { createLogger } from '../telemetry/log.ts';
import { ANONYMOUS } from './context.ts';
import { readPolicy } from './policy.ts';
import { createServer } from './server.ts';

type Kind = { serverStreaming?: boolean; clientStreaming?: boolean };

/** A service with one method, with this policy or none. */
function serviceWith(stated: Partial<MethodPolicy> | undefined, kind: Kind = {}): DescService {
  const options = create(MethodOptionsSchema, {
    idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  });
  if (stated !== undefined) {
    setExtension(options, policy, {
      $typeName: 'shop.contract.v1.MethodPolicy',
      access: 0,
      callers: [],
      timeoutMs: 0,
      ...stated,
    });
  }
  const empty = `.${EmptySchema.typeName}`;
  const file = create(FileDescriptorProtoSchema, {
    name: 'test.proto',
    package: 'test',
    syntax: 'proto3',
    dependency: ['google/protobuf/empty.proto'],
    service: [{ name: 'S', method: [{ name: 'M', inputType: empty, outputType: empty, options, ...kind }] }],
  });
  const registry = createFileRegistry(file, () => file_google_protobuf_empty.proto);
  return registry.getService('test.S') as DescService;
}
const serve = (service: DescService) =>
  createServer({
    implementations: [{ service, routes: { m: () => ({}) } }],
    authenticate: () => ANONYMOUS,
    health: async () => {},
    log: createLogger({ service: 's', instance: 'i', level: 'silent' }),
  });

test('a policy is read as stated', () => {
  const [method] = serviceWith({ access: Access.SERVICE, callers: ['order'], timeoutMs: 5 }).methods;
  expect(method && readPolicy(method)).toEqual({
    access: Access.SERVICE,
    callers: new Set(['order']),
    timeoutMs: 5,
    safe: true,
  });
});

test('a stream without a timeout has no limit', () => {
  const [method] = serviceWith({ access: Access.USER }, { serverStreaming: true }).methods;
  expect(method && readPolicy(method).timeoutMs).toBe(Number.POSITIVE_INFINITY);
});

test.each<[string, Partial<MethodPolicy> | undefined, string]>([
  ['no policy', undefined, 'test.S/M has no policy option'],
  ['no access', { timeoutMs: 5 }, 'the policy of test.S/M has no access'],
  ['an unknown access', { access: 99 as Access, timeoutMs: 5 }, 'the policy of test.S/M has no access'],
  ['no timeout', { access: Access.USER }, 'the policy of test.S/M has no timeout'],
  ['an endless timeout', { access: Access.USER, timeoutMs: 2 ** 31 }, 'a timeout of more than a day'],
  ['no callers', { access: Access.SERVICE, timeoutMs: 5 }, 'lets in services, and names none'],
  [
    'callers besides everybody',
    { access: Access.PUBLIC, callers: ['order'], timeoutMs: 5 },
    'lets in everybody, and names services besides',
  ],
])('a server with a method with %s refuses to start', (_name, stated, message) => {
  expect(() => serve(serviceWith(stated))).toThrow(message);
});

test('a method without a handler, or of a kind that is not served, refuses to start', () => {
  const good = { access: Access.PUBLIC, timeoutMs: 5 };
  expect(() => serve(serviceWith(good))).not.toThrow();
  expect(() => serve(serviceWith(good, { clientStreaming: true }))).toThrow(
    'client_streaming methods are not supported',
  );
  const service = serviceWith(good);
  const options = {
    authenticate: () => ANONYMOUS,
    health: async () => {},
    log: createLogger({ service: 's', instance: 'i', level: 'silent' }),
  };
  expect(() => createServer({ ...options, implementations: [{ service, routes: {} }] })).toThrow(
    '/test.S/M has no handler',
  );
});
