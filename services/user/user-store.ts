import type { Queryable, Sql, Transaction } from '../../platform/db/database.ts';
import { isUniqueViolation } from '../../platform/db/errors.ts';
import { appendEvents } from '../../platform/events/outbox.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import {
  type DisplayName,
  emailTaken,
  lastAdmin,
  type Role,
  type User,
  type UserChange,
  userNotFound,
} from './user.ts';
import { userDeleted, userRegistered, userUpdated } from './user-events.ts';

/** An account with what its password is checked by. */
export interface Credentials {
  readonly user: User;
  readonly passwordHash: string;
  /** Grows when the password changes. */
  readonly passwordVersion: number;
}

/** An account to be made. */
export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  readonly passwordHash: string;
  readonly role: Role;
}

type CredentialsRow = User & { passwordHash: string; passwordVersion: number };

/** The columns of a {@link User}. */
export const userColumns = (sql: Queryable) => sql`
  id, email, display_name AS "displayName", role, version, created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Inserts an account, and the event of it. Throws ALREADY_EXISTS, reason EMAIL_TAKEN. */
export async function insertUser(tx: Transaction, user: NewUser, trace?: TraceContext): Promise<User> {
  const [row] = await tx<User[]>`
    INSERT INTO users (id, email, display_name, password_hash, role)
    VALUES (${user.id}, ${user.email}, ${user.displayName}, ${user.passwordHash}, ${user.role})
    ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING
    RETURNING ${userColumns(tx)}`;
  if (!row) throw emailTaken('email');
  await appendEvents(tx, [userRegistered(row, trace)]);
  return row;
}

/** The accounts with these ids, in their order; undefined where there is none or it is deleted. */
export async function readUsers(sql: Sql, ids: readonly string[]): Promise<(User | undefined)[]> {
  const rows = await sql<User[]>`
    SELECT ${userColumns(sql)} FROM users WHERE id = ANY (${ids}::uuid[]) AND deleted_at IS NULL`;
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id));
}

/** What accounts are called; those that don't exist or were deleted are left out. */
export async function readDisplayNames(sql: Sql, ids: readonly string[]): Promise<DisplayName[]> {
  return sql<DisplayName[]>`
    SELECT id AS "userId", display_name AS "displayName", version
    FROM users WHERE id = ANY (${ids}::uuid[]) AND deleted_at IS NULL`;
}

/** The account with this normalised address. */
export async function findByEmail(sql: Sql, email: string): Promise<Credentials | undefined> {
  const [row] = await sql<CredentialsRow[]>`
    SELECT ${userColumns(sql)}, password_hash AS "passwordHash", password_version AS "passwordVersion"
    FROM users WHERE email = ${email} AND deleted_at IS NULL`;
  return row && credentials(row);
}

/** The account with this id. */
export async function findCredentials(sql: Sql, id: string): Promise<Credentials | undefined> {
  const [row] = await sql<CredentialsRow[]>`
    SELECT ${userColumns(sql)}, password_hash AS "passwordHash", password_version AS "passwordVersion"
    FROM users WHERE id = ${id} AND deleted_at IS NULL`;
  return row && credentials(row);
}

/**
 * Reads an account and locks it until the transaction ends. Throws NOT_FOUND. With `lockRoster`, whatever may take an
 * admin away waits as well; the roster is locked first, as delete_user does.
 */
export async function lockUser(tx: Transaction, id: string, lockRoster: boolean): Promise<User> {
  if (lockRoster) await tx`SELECT lock_admin_roster()`;
  const [row] = await tx<User[]>`
    SELECT ${userColumns(tx)} FROM users WHERE id = ${id} AND deleted_at IS NULL FOR NO KEY UPDATE`;
  if (!row) throw userNotFound();
  return row;
}

/**
 * Changes a locked account, and adds the event of it. Throws ALREADY_EXISTS, reason EMAIL_TAKEN, and FAILED_PRECONDITION, reason LAST_ADMIN (for
 * which the roster has to be locked).
 */
export async function changeLockedUser(
  tx: Transaction,
  id: string,
  change: UserChange,
  trace?: TraceContext,
): Promise<User> {
  if (change.role === 'customer') {
    const [row] = await tx<{ last: boolean }[]>`SELECT is_last_admin(${id}) AS last`;
    if (row?.last) throw lastAdmin();
  }
  const [row] = await tx<User[]>`
    UPDATE users SET
      display_name = coalesce(${change.displayName ?? null}, display_name),
      email = coalesce(${change.email ?? null}, email),
      role = coalesce(${change.role ?? null}, role),
      version = version + 1,
      updated_at = now()
    WHERE id = ${id}
    RETURNING ${userColumns(tx)}`.catch((error) => {
    throw isUniqueViolation(error, 'users_email') ? emailTaken('user.email') : error;
  });
  const changed = row as User;
  await appendEvents(tx, [userUpdated(changed, trace)]);
  return changed;
}

/** How a deletion went; see delete_user. */
export type Deletion = 'deleted' | 'deleted-before' | 'unknown' | 'last-admin';

/** Erases an account, ends its sessions, and adds the event of it; see delete_user. */
export async function deleteUser(sql: Sql, id: string, trace?: TraceContext): Promise<Deletion> {
  return sql.begin(async (tx) => {
    const [row] = await tx<{ outcome: Deletion; version: bigint | null }[]>`
      SELECT outcome, last_version AS version FROM delete_user(${id})`;
    if (row?.outcome === 'deleted') await appendEvents(tx, [userDeleted(id, row.version ?? 0n, trace)]);
    return row?.outcome ?? 'unknown';
  });
}

/** Where a page of the list of accounts begins: after this one. */
export interface UserCursor {
  readonly createdAt: Date;
  readonly id: string;
}

/** Up to `limit` accounts, newest first. */
export async function listUsers(sql: Sql, after: UserCursor | undefined, limit: number): Promise<User[]> {
  const rest = after ? sql`AND (created_at, id) < (${after.createdAt}, ${after.id})` : sql``;
  return sql<User[]>`
    SELECT ${userColumns(sql)} FROM users WHERE deleted_at IS NULL ${rest}
    ORDER BY created_at DESC, id DESC LIMIT ${limit}`;
}

/** Replaces the hash of an unchanged password by one of another cost. */
export async function replaceHash(
  sql: Sql,
  { user, passwordVersion }: Credentials,
  hash: string,
): Promise<void> {
  await sql`
    UPDATE users SET password_hash = ${hash}
    WHERE id = ${user.id} AND password_version = ${passwordVersion} AND deleted_at IS NULL`;
}

/** Makes the first admin, unless there is one. Returns whether it did. Throws ALREADY_EXISTS, reason EMAIL_TAKEN. */
export async function insertFirstAdmin(sql: Sql, user: NewUser): Promise<boolean> {
  return sql.begin(async (tx) => {
    await tx`SELECT lock_admin_roster()`;
    const [admin] = await tx`SELECT FROM users WHERE role = 'admin' AND deleted_at IS NULL LIMIT 1`;
    if (admin) return false;
    await insertUser(tx, user);
    return true;
  });
}

function credentials({ passwordHash, passwordVersion, ...user }: CredentialsRow): Credentials {
  return { user, passwordHash, passwordVersion };
}
