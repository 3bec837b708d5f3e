import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { RequestKey } from '../../platform/db/requests.ts';
import { type Context, requireUser } from '../../platform/rpc/context.ts';

/** Identifies a creating call of a signed-in user by its method, its user, its `request_id` and its contents. */
export function requestKey<Desc extends DescMessage>(
  schema: Desc,
  request: MessageShape<Desc> & { requestId: string },
  context: Context,
): RequestKey {
  const contents = toBinary(schema, request, { writeUnknownFields: false });
  return {
    scope: `${schema.name}:${requireUser(context).userId}`,
    requestId: request.requestId,
    fingerprint: createHash('sha256').update(contents).digest(),
  };
}
