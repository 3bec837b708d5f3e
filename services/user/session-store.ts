import type { Sql } from '../../platform/db/database.ts';
import type { Role, User } from './user.ts';
import { type Credentials, userColumns } from './user-store.ts';

/** A refresh token as it is stored. */
export interface StoredToken {
  /** SHA-256. */
  readonly hash: Buffer;
  readonly expiresAt: Date;
}

/** What a refresh token was good for. */
export type Rotation =
  | { readonly outcome: 'rotated'; readonly sessionId: string; readonly userId: string; readonly role: Role }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'invalid' };

/**
 * Opens a session for credentials that were verified, and forgets the account's failed logins. Returns the account as it
 * is now; undefined where its password was changed or it was deleted in the meantime.
 *
 * The account is locked against both until the commit, so neither can miss the new session.
 */
export async function openSession(
  sql: Sql,
  sessionId: string,
  { user, passwordVersion }: Credentials,
  account: Buffer,
  token: StoredToken,
): Promise<User | undefined> {
  const [row] = await sql<User[]>`
    WITH account AS (
      SELECT * FROM users
      WHERE id = ${user.id} AND password_version = ${passwordVersion} AND deleted_at IS NULL
      FOR SHARE
    ), session AS (
      INSERT INTO sessions (id, user_id, expires_at)
      SELECT ${sessionId}, id, ${token.expiresAt} FROM account
    ), token AS (
      INSERT INTO refresh_tokens (hash, session_id, expires_at)
      SELECT ${token.hash}, ${sessionId}, ${token.expiresAt} FROM account
    ), forgotten AS (
      DELETE FROM login_failures WHERE account = ${account} AND EXISTS (SELECT FROM account)
    )
    SELECT ${userColumns(sql)} FROM account`;
  return row;
}

/** Trades a token for its successor; see rotate_refresh_token. */
export async function rotateToken(sql: Sql, presented: Buffer, replacement: StoredToken): Promise<Rotation> {
  const [row] = await sql<Rotation[]>`
    SELECT outcome, session_id AS "sessionId", user_id AS "userId", role
    FROM rotate_refresh_token(${presented}, ${replacement.hash}, ${replacement.expiresAt})`;
  return row ?? { outcome: 'invalid' };
}

/** Ends a session. No error where it has ended before. */
export async function endSession(sql: Sql, sessionId: string): Promise<void> {
  await sql`DELETE FROM sessions WHERE id = ${sessionId}`;
}

/** Sets a new password and ends the other sessions; see change_password. Returns whether it did. */
export async function changePassword(
  sql: Sql,
  { user, passwordVersion }: Credentials,
  hash: string,
  keptSessionId: string,
): Promise<boolean> {
  const [row] = await sql<{ changed: boolean }[]>`
    SELECT change_password(${user.id}, ${passwordVersion}, ${hash}, ${keptSessionId}) AS changed`;
  return row?.changed ?? false;
}

/** Deletes up to `limit` sessions and as many tokens that have expired. Returns how many of the more numerous. */
export async function deleteExpiredSessions(sql: Sql, limit: number): Promise<number> {
  // Sessions first: each takes its tokens along.
  const sessions = await sql`
    DELETE FROM sessions WHERE id IN (
      SELECT id FROM sessions WHERE expires_at < now() LIMIT ${limit} FOR UPDATE SKIP LOCKED
    )`;
  const tokens = await sql`
    DELETE FROM refresh_tokens WHERE hash IN (
      SELECT hash FROM refresh_tokens WHERE expires_at < now() LIMIT ${limit} FOR UPDATE SKIP LOCKED
    )`;
  return Math.max(sessions.count, tokens.count);
}
