import { create, createFileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Access } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from '../../linkerd/resource.ts';
import { readMethods } from '../method.ts';
import { requestOf, type Stated } from './request.ts';

const policy = { access: Access.USER, timeoutMs: 1500 };
const internal = { access: Access.SERVICE, timeoutMs: 1500 };

/** A contract that has a method of each sort. */
export const declared: Record<string, Record<string, Stated>> = {
  'shop.order.v1': {
    Read: { policy, idempotency: 'NO_SIDE_EFFECTS' },
    Put: { policy, idempotency: 'IDEMPOTENT' },
    Post: { policy: { ...policy, callers: ['stock'] } },
    Watch: { policy: { access: Access.PUBLIC }, idempotency: 'NO_SIDE_EFFECTS', stream: true },
    Drain: { policy: { ...policy, access: Access.ADMIN }, stream: true },
  },
  'shop.order.v2': { Post: { policy: { ...internal, callers: ['stock', 'mail'] } } },
  'shop.stock.v1': { Take: { policy: { ...internal, callers: ['order'] } } },
  'shop.mail.v1': { Send: { policy: { ...policy, access: Access.ADMIN, callers: ['order', 'stock'] } } },
};

const file = requestOf(declared).protoFile;

/** The methods of {@link declared}. */
export const fixture = readMethods(createFileRegistry(create(FileDescriptorSetSchema, { file })));

/** The Kubernetes objects of a generated file, by its name in mesh/generated/linkerd. */
export function manifestsIn(files: ReadonlyMap<string, string>, name: string): Manifest[] {
  const documents = parseAllDocuments(files.get(`mesh/generated/linkerd/${name}.yaml`) ?? '');
  return documents.map((document) => document.toJS());
}
