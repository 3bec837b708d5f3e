import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ALGORITHM, createTokenVerifier, ISSUER, type TokenVerifier } from '../auth/access-token.ts';
import { type ListedKey, remoteKeys } from '../auth/keys.ts';
import { uuidv7 } from '../id.ts';

/** Claims of a test token; what is left out is valid. */
export interface TokenClaims {
  readonly userId?: string;
  readonly role?: string;
  readonly sessionId?: string;
  readonly issuer?: string;
  readonly audience?: string;
  /** Seconds from now; negative for an expired token. Default 60. */
  readonly ttlSeconds?: number;
}

/** An issuer of access tokens with a key of its own. */
export interface TestIssuer {
  readonly keyId: string;
  readonly listed: ListedKey;
  readonly verifier: TokenVerifier;
  token(claims?: TokenClaims): Promise<string>;
}

/** Makes an issuer whose tokens its own `verifier` accepts and those of other issuers do not. */
export async function createTestIssuer(keyId = uuidv7()): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM);
  const listed = { keyId, publicKeyJwk: JSON.stringify(await exportJWK(publicKey)) };
  return {
    keyId,
    listed,
    verifier: createTokenVerifier({ keys: remoteKeys(async () => [listed]) }),
    token(claims = {}) {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ sid: claims.sessionId ?? uuidv7(), role: claims.role ?? 'customer' })
        .setProtectedHeader({ alg: ALGORITHM, kid: keyId })
        .setSubject(claims.userId ?? uuidv7())
        .setIssuer(claims.issuer ?? ISSUER)
        .setAudience(claims.audience ?? ISSUER)
        .setIssuedAt(now)
        .setExpirationTime(now + (claims.ttlSeconds ?? 60))
        .sign(privateKey);
    },
  };
}
