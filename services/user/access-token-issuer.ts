import { SignJWT } from 'jose';
import { ALGORITHM, ISSUER } from '../../platform/auth/access-token.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { Role } from './user.ts';

/** Makes access tokens: JWTs as platform/auth/access-token.ts verifies them. */
export type AccessTokenIssuer = (claims: {
  readonly userId: string;
  readonly role: Role;
  readonly sessionId: string;
}) => Promise<{ token: string; expiresAt: Date }>;

/** An issuer that signs with the present key. `ttlS` in seconds. */
export function createAccessTokenIssuer(keys: SigningKeys, ttlS: number): AccessTokenIssuer {
  return async ({ userId, role, sessionId }) => {
    const { id, privateKey } = keys.current();
    const issuedAt = Math.floor(Date.now() / 1_000);
    const token = await new SignJWT({ sid: sessionId, role })
      .setProtectedHeader({ alg: ALGORITHM, kid: id, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(ISSUER)
      .setSubject(userId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ttlS)
      .sign(privateKey);
    return { token, expiresAt: new Date((issuedAt + ttlS) * 1_000) };
  };
}
