import { errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { DomainError, fail } from '../errors.ts';
import type { Caller } from '../rpc/context.ts';
import type { KeySource } from './keys.ts';

/** `iss` and `aud` of every access token. */
export const ISSUER = 'souk';
/** The one signature algorithm that is accepted: ECDSA on P-256 with SHA-256. */
export const ALGORITHM = 'ES256';

/** A caller proven by an access token. */
export type UserCaller = Extract<Caller, { kind: 'user' }>;

/** Checks access tokens. */
export interface TokenVerifier {
  /**
   * The user the token names: at once when the token was verified before. Throws or rejects with
   * UNAUTHENTICATED, reason TOKEN_EXPIRED or TOKEN_INVALID, or with UNAVAILABLE when the keys can't be had.
   */
  verify(token: string): UserCaller | Promise<UserCaller>;
}

interface Verified {
  readonly caller: UserCaller;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** How many verified tokens are remembered. About 600 bytes each. */
const REMEMBERED_TOKENS = 20_000;
const MAX_TOKEN_LENGTH = 4_096;

/**
 * A verifier of JWTs with claims iss and aud (both {@link ISSUER}), sub (user id), sid (session id), role, iat
 * and exp. A verification costs more than a whole call (80 to 160 µs), so tokens that passed are remembered
 * until they expire, keyed by the token itself: two tokens can't be confused, and only a token that was
 * verified byte for byte is ever accepted. Refused tokens are not remembered.
 */
export function createTokenVerifier(options: { keys: KeySource }): TokenVerifier {
  const { keys } = options;
  const remembered = new LRUCache<string, Verified>({ max: REMEMBERED_TOKENS });

  async function verify(token: string): Promise<UserCaller> {
    let payload: Record<string, unknown>;
    try {
      const result = await jwtVerify(token, (header) => keys.find(header.kid), {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: ISSUER,
        requiredClaims: ['sub', 'sid', 'role', 'iat', 'exp'],
      });
      payload = result.payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw expired();
      // The key source's own failures (UNAVAILABLE) say nothing about the token.
      if (error instanceof DomainError) throw error;
      throw invalid(error);
    }
    const { sub, sid, role, exp } = payload;
    if (typeof sub !== 'string' || sub === '' || typeof sid !== 'string' || typeof exp !== 'number')
      throw invalid();
    if (role !== 'customer' && role !== 'admin') throw invalid();
    const caller: UserCaller = Object.freeze({ kind: 'user', userId: sub, role, sessionId: sid });
    remembered.set(token, { caller, expiresAt: exp * 1000 });
    return caller;
  }

  return {
    verify(token) {
      const known = remembered.get(token);
      if (known === undefined) {
        if (token.length > MAX_TOKEN_LENGTH) throw invalid();
        return verify(token);
      }
      if (known.expiresAt > Date.now()) return known.caller;
      remembered.delete(token);
      throw expired();
    },
  };
}

const expired = () =>
  fail(
    'UNAUTHENTICATED',
    'TOKEN_EXPIRED',
    'The access token has expired. Refresh the session to get a new one.',
  );

const invalid = (cause?: unknown) =>
  fail('UNAUTHENTICATED', 'TOKEN_INVALID', 'The access token is not valid. Sign in to get a new one.', {
    cause,
  });
