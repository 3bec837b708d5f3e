import { createHash } from 'node:crypto';
import { createBatcher } from '../../platform/batch/batcher.ts';
import type { Sql } from '../../platform/db/database.ts';
import { fail } from '../../platform/errors.ts';
import { uuidv7 } from '../../platform/id.ts';
import { checkEtag } from '../../platform/paging/etag.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { recallRegistration, register } from './registration-store.ts';
import {
  type DisplayName,
  lastAdmin,
  mayAccess,
  normaliseEmail,
  parseDisplayName,
  type Role,
  targetOf,
  type User,
  type UserChange,
  userNotFound,
} from './user.ts';
import {
  changeLockedUser,
  deleteUser,
  listUsers,
  lockUser,
  readDisplayNames,
  readUsers,
  type UserCursor,
} from './user-store.ts';

/** Who asks. */
export interface Asker {
  readonly userId: string;
  readonly role: Role;
}

/** What a person registers with. */
export interface Registration {
  readonly requestId: string;
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
}

/**
 * What is done to accounts. `userId` may be empty for the asker's own; another's is NOT_FOUND to a customer. `trace` is
 * that of the call, for the event that tells of the change.
 */
export interface Accounts {
  /** Rejects with ALREADY_EXISTS (EMAIL_TAKEN, REQUEST_ID_REUSED) or RESOURCE_EXHAUSTED. */
  register(registration: Registration, trace?: TraceContext): Promise<User>;
  /** Rejects with NOT_FOUND. */
  get(userId: string, asker: Asker): Promise<User>;
  /** Rejects with NOT_FOUND, ABORTED (ETAG_STALE), ALREADY_EXISTS, PERMISSION_DENIED or FAILED_PRECONDITION. */
  update(userId: string, change: UserChange, etag: string, asker: Asker, trace?: TraceContext): Promise<User>;
  /** Rejects with NOT_FOUND or FAILED_PRECONDITION. */
  delete(userId: string, asker: Asker, trace?: TraceContext): Promise<void>;
  /** Up to `limit` accounts after the cursor, newest first. */
  list(after: UserCursor | undefined, limit: number): Promise<User[]>;
  /** What accounts are called; those that don't exist or were deleted are left out. */
  displayNames(userIds: readonly string[]): Promise<DisplayName[]>;
}

/** What accounts are made with. */
export interface AccountsOptions {
  readonly sql: Sql;
  readonly hasher: PasswordHasher;
  /** Called when there are events to be published. */
  readonly wake: () => void;
}

/** The accounts in the database. */
export function createAccounts({ sql, hasher, wake }: AccountsOptions): Accounts {
  const read = createBatcher({
    run: (ids: string[]) => readUsers(sql, ids),
    maxSize: 256,
  });

  return {
    async register({ requestId, password, ...request }, trace) {
      const email = normaliseEmail(request.email);
      const displayName = parseDisplayName(request.displayName, 'display_name');
      // First, and in any case: the time until the answer doesn't tell whether the address has an account.
      const passwordHash = await hasher.hash(password);
      const fingerprint = createHash('sha256')
        .update(JSON.stringify([email, displayName]))
        .digest();
      const made = await register(
        sql,
        { requestId, fingerprint },
        { id: uuidv7(), email, displayName, passwordHash, role: 'customer' },
        trace,
      );
      if (made.user) {
        wake();
        return made.user;
      }

      // A repeat. The fingerprint leaves the password out, because a fast hash of it must not be kept; the slow one
      // is, and tells whether this is the same password.
      const first = await recallRegistration(sql, made.userId);
      if (!(await hasher.verify(password, first?.passwordHash)) || !first) throw requestIdReused();
      const { createdAt } = first;
      return {
        id: made.userId,
        email,
        displayName,
        role: 'customer',
        version: 1n,
        createdAt,
        updatedAt: createdAt,
      };
    },

    async get(userId, asker) {
      const target = targetOf(userId, asker);
      mayAccess(target, asker);
      const user = await read(target);
      if (!user) throw userNotFound();
      return user;
    },

    async update(userId, change, etag, asker, trace) {
      const target = targetOf(userId, asker);
      mayAccess(target, asker);
      if (change.role && asker.role !== 'admin') {
        throw fail('PERMISSION_DENIED', 'ROLE_CHANGE_NOT_ALLOWED', 'Only an admin changes roles.');
      }
      const changed = await sql.begin(async (tx) => {
        const user = await lockUser(tx, target, change.role === 'customer');
        checkEtag(etag, user.version);
        return changeLockedUser(tx, target, change, trace);
      });
      wake();
      return changed;
    },

    async delete(userId, asker, trace) {
      const target = targetOf(userId, asker);
      mayAccess(target, asker);
      const outcome = await deleteUser(sql, target, trace);
      if (outcome === 'deleted') wake();
      if (outcome === 'last-admin') throw lastAdmin();
      const own = target === asker.userId;
      if (outcome === 'unknown' || (outcome === 'deleted-before' && !own)) throw userNotFound();
    },

    list: (after, limit) => listUsers(sql, after, limit),

    displayNames: (userIds) => readDisplayNames(sql, userIds),
  };
}

const requestIdReused = () =>
  fail(
    'ALREADY_EXISTS',
    'REQUEST_ID_REUSED',
    'This request id was used for another request. Make a new one.',
    {
      violations: [{ field: 'request_id', description: 'was used for another request' }],
    },
  );
