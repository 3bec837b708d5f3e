import type { Sql } from '../../platform/db/database.ts';
import { once } from '../../platform/db/requests.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import type { User } from './user.ts';
import { insertUser, type NewUser } from './user-store.ts';

/**
 * Inserts the account once for each request id. A repeat gets the id of the account that the first call made, and no
 * `user`. Throws ALREADY_EXISTS, reason EMAIL_TAKEN or REQUEST_ID_REUSED.
 *
 * Only the id is kept with the request: all else of the first answer can be told from the request and the account's
 * creation time, and what isn't kept needs no erasing.
 */
export async function register(
  sql: Sql,
  request: { readonly requestId: string; readonly fingerprint: Uint8Array },
  user: NewUser,
  trace?: TraceContext,
): Promise<{ userId: string; user?: User }> {
  return sql.begin(async (tx) => {
    let made: User | undefined;
    const id = await once(tx, { scope: 'register', ...request }, async () => {
      made = await insertUser(tx, user, trace);
      return Buffer.from(made.id.replaceAll('-', ''), 'hex');
    });
    if (made) return { userId: made.id, user: made };
    return {
      userId: Buffer.from(id)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    };
  });
}

/** What a repeated registration is compared with and answered from; undefined where the account was deleted. */
export async function recallRegistration(
  sql: Sql,
  userId: string,
): Promise<{ passwordHash: string; createdAt: Date } | undefined> {
  const [row] = await sql<{ passwordHash: string; createdAt: Date }[]>`
    SELECT password_hash AS "passwordHash", created_at AS "createdAt"
    FROM users WHERE id = ${userId} AND deleted_at IS NULL`;
  return row;
}
