import { createHash, randomBytes } from 'node:crypto';
import type { Sql } from '../../platform/db/database.ts';
import { fail, hasReason } from '../../platform/errors.ts';
import { uuidv7 } from '../../platform/id.ts';
import type { AccessTokenIssuer } from './access-token-issuer.ts';
import type { LoginThrottle } from './login-throttle.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { changePassword, endSession, openSession, rotateToken, type StoredToken } from './session-store.ts';
import { emailDigest, normaliseEmail, type User } from './user.ts';
import { type Credentials, findByEmail, findCredentials, replaceHash } from './user-store.ts';

/** What a signed-in client holds. */
export interface Session {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Date;
}

/** What is done to sessions. */
export interface Sessions {
  /** Rejects with UNAUTHENTICATED (CREDENTIALS_INVALID) or RESOURCE_EXHAUSTED. */
  login(email: string, password: string): Promise<{ session: Session; user: User }>;
  /** Rejects with UNAUTHENTICATED: REFRESH_TOKEN_INVALID, or REFRESH_TOKEN_REUSED, which has ended the session. */
  refresh(refreshToken: string): Promise<Session>;
  logout(sessionId: string): Promise<void>;
  /** Ends the other sessions. Rejects with UNAUTHENTICATED (CREDENTIALS_INVALID) or RESOURCE_EXHAUSTED. */
  changePassword(caller: { userId: string; sessionId: string }, current: string, next: string): Promise<void>;
}

/** What sessions are made with. */
export interface SessionsOptions {
  readonly sql: Sql;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly issuer: AccessTokenIssuer;
  /** Seconds. */
  readonly refreshTokenTtlS: number;
}

const REFRESH_TOKEN_BYTES = 32;

/** The sessions in the database. */
export function createSessions(options: SessionsOptions): Sessions {
  const { sql, hasher, throttle, issuer } = options;

  function newToken(): StoredToken & { text: string } {
    const text = randomBytes(REFRESH_TOKEN_BYTES).toString('base64url');
    return {
      text,
      hash: tokenHash(text),
      expiresAt: new Date(Date.now() + options.refreshTokenTtlS * 1_000),
    };
  }

  async function session(token: StoredToken & { text: string }, claims: Parameters<AccessTokenIssuer>[0]) {
    const access = await issuer(claims);
    return {
      accessToken: access.token,
      accessTokenExpiresAt: access.expiresAt,
      refreshToken: token.text,
      refreshTokenExpiresAt: token.expiresAt,
    };
  }

  async function renewHash(known: Credentials, password: string): Promise<void> {
    try {
      await replaceHash(sql, known, await hasher.hash(password));
    } catch (error) {
      // The next login will do.
      if (!hasReason(error, 'PASSWORD_HASHING_BUSY')) throw error;
    }
  }

  return {
    async login(address, password) {
      const email = normaliseEmail(address);
      const known = await throttle.attempt(email, async () => {
        const found = await findByEmail(sql, email);
        const matches = await hasher.verify(password, found?.passwordHash);
        return matches ? found : undefined;
      });
      if (!known) throw credentialsInvalid();
      const sessionId = uuidv7();
      const token = newToken();
      const user = await openSession(sql, sessionId, known, emailDigest(email), token);
      if (!user) throw credentialsInvalid();
      if (hasher.isOutdated(known.passwordHash)) await renewHash(known, password);
      return { session: await session(token, { userId: user.id, role: user.role, sessionId }), user };
    },

    async refresh(refreshToken) {
      const token = newToken();
      const rotation = await rotateToken(sql, tokenHash(refreshToken), token);
      if (rotation.outcome === 'rotated') return session(token, rotation);
      if (rotation.outcome === 'invalid') {
        throw fail(
          'UNAUTHENTICATED',
          'REFRESH_TOKEN_INVALID',
          'The refresh token is not valid. Sign in again.',
        );
      }
      throw fail(
        'UNAUTHENTICATED',
        'REFRESH_TOKEN_REUSED',
        'The refresh token was used before, so its session has been ended. Sign in again.',
      );
    },

    logout: (sessionId) => endSession(sql, sessionId),

    async changePassword({ userId, sessionId }, current, next) {
      const known = await findCredentials(sql, userId);
      if (!known) throw credentialsInvalid();
      const hash = await throttle.attempt(known.user.email, async () =>
        (await hasher.verify(current, known.passwordHash)) ? hasher.hash(next) : undefined,
      );
      if (hash === undefined || !(await changePassword(sql, known, hash, sessionId)))
        throw credentialsInvalid();
    },
  };
}

const tokenHash = (token: string): Buffer => createHash('sha256').update(token).digest();

const credentialsInvalid = () =>
  fail('UNAUTHENTICATED', 'CREDENTIALS_INVALID', 'The e-mail address or the password is wrong.');
