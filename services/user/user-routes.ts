import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  Role,
  type SessionSchema,
  type User as UserMessage,
  type UserSchema,
} from '@souk/contracts/shop/user/v1/user_pb.js';
import type { UserService } from '@souk/contracts/shop/user/v1/user_service_pb.js';
import { invalidField } from '../../platform/errors.ts';
import { formatEtag } from '../../platform/paging/etag.ts';
import { createPageTokens } from '../../platform/paging/page-token.ts';
import { requireUser } from '../../platform/rpc/context.ts';
import type { Routes } from '../../platform/rpc/routes.ts';
import type { Accounts } from './accounts.ts';
import type { Session, Sessions } from './session.ts';
import type { SigningKeys } from './signing-keys.ts';
import { normaliseEmail, parseDisplayName, type User, type UserChange } from './user.ts';
import { toRole } from './user-events.ts';

const DEFAULT_PAGE_SIZE = 50;
// Cursor: creation in milliseconds since the epoch, id.
const pages = createPageTokens('shop.user.v1.ListUsers/newest', ['number', 'uuid']);

/** Handlers of the user service. */
export function userRoutes(
  accounts: Accounts,
  sessions: Sessions,
  keys: SigningKeys,
): Routes<typeof UserService> {
  return {
    async register({ requestId, email, password, displayName }, context) {
      const registration = { requestId, email, password, displayName };
      return { user: toUser(await accounts.register(registration, context.trace)) };
    },
    async login({ email, password }) {
      const { session, user } = await sessions.login(email, password);
      return { session: toSession(session), user: toUser(user) };
    },
    async refreshSession({ refreshToken }) {
      return { session: toSession(await sessions.refresh(refreshToken)) };
    },
    async logout(_, context) {
      await sessions.logout(requireUser(context).sessionId);
      return {};
    },
    async getUser({ userId }, context) {
      return { user: toUser(await accounts.get(userId, requireUser(context))) };
    },
    async updateUser({ user, updateMask }, context) {
      if (!user) throw invalidField('user', 'is required');
      const change = toChange(user, updateMask?.paths ?? []);
      const asker = requireUser(context);
      return { user: toUser(await accounts.update(user.id, change, user.etag, asker, context.trace)) };
    },
    async changePassword({ currentPassword, newPassword }, context) {
      await sessions.changePassword(requireUser(context), currentPassword, newPassword);
      return {};
    },
    async deleteUser({ userId }, context) {
      await accounts.delete(userId, requireUser(context), context.trace);
      return {};
    },
    async listUsers({ pageSize, pageToken }) {
      const limit = pageSize || DEFAULT_PAGE_SIZE;
      const [createdAt, id] = pageToken === '' ? [] : pages.decode(null, pageToken);
      const after =
        createdAt === undefined ? undefined : { createdAt: new Date(createdAt), id: id as string };
      const users = await accounts.list(after, limit + 1);
      const last = users.length > limit ? users[limit - 1] : undefined;
      return {
        users: users.slice(0, limit).map(toUser),
        nextPageToken: last ? pages.encode(null, [last.createdAt.getTime(), last.id]) : '',
      };
    },
    async batchGetDisplayNames({ userIds }) {
      return { names: await accounts.displayNames(userIds) };
    },
    async listSigningKeys() {
      const listed = await keys.list();
      return {
        keys: listed.map(({ keyId, publicKeyJwk, retiresAt }) => ({
          keyId,
          publicKeyJwk,
          retireTime: timestampFromDate(retiresAt),
        })),
      };
    },
  };
}

function toChange(user: UserMessage, paths: readonly string[]): UserChange {
  let change: UserChange = {};
  for (const path of paths) {
    if (path === 'display_name') {
      change = { ...change, displayName: parseDisplayName(user.displayName, 'user.display_name') };
    } else if (path === 'email') {
      // The contract's rule lets it be empty, for updates that don't name it.
      if (user.email === '') throw invalidField('user.email', 'must be an e-mail address');
      change = { ...change, email: normaliseEmail(user.email) };
    } else if (path === 'role') {
      if (user.role === Role.UNSPECIFIED) throw invalidField('user.role', 'must be stated');
      change = { ...change, role: user.role === Role.ADMIN ? 'admin' : 'customer' };
    } else {
      throw invalidField('update_mask', 'may name "display_name", "email" and "role"');
    }
  }
  return change;
}

function toUser(user: User): MessageInitShape<typeof UserSchema> {
  return {
    id: user.id,
    email: user.email,
    displayName: user.displayName,
    role: toRole(user.role),
    etag: formatEtag(user.version),
    createTime: timestampFromDate(user.createdAt),
    updateTime: timestampFromDate(user.updatedAt),
  };
}

function toSession(session: Session): MessageInitShape<typeof SessionSchema> {
  return {
    accessToken: session.accessToken,
    accessTokenExpireTime: timestampFromDate(session.accessTokenExpiresAt),
    refreshToken: session.refreshToken,
    refreshTokenExpireTime: timestampFromDate(session.refreshTokenExpiresAt),
  };
}
