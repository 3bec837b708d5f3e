import { type CryptoKey, importJWK, type JWK } from 'jose';
import { type DomainError, fail } from '../errors.ts';
import { ALGORITHM } from './access-token.ts';

/** Where the public keys of access tokens come from. */
export interface KeySource {
  /** The key with this id. Rejects with UNAUTHENTICATED TOKEN_INVALID or UNAVAILABLE SIGNING_KEYS_UNAVAILABLE. */
  find(keyId: string | undefined): Promise<CryptoKey>;
}

/** A public key as the issuer lists it. `publicKeyJwk` is the JWK's JSON. */
export interface ListedKey {
  readonly keyId: string;
  readonly publicKeyJwk: string;
}

/** Between two fetches caused by unknown key ids: forged ids must not become load on the issuer. */
const MIN_REFRESH_INTERVAL_MS = 3_000;
/** After this age the keys are fetched again while the known ones serve on, so that a withdrawn key goes. */
const MAX_AGE_MS = 60_000;

/**
 * Keys fetched by `fetch` (a call to the issuer, or a read of its own table), kept, and fetched again when a
 * token names an unknown key. One fetch runs at a time. While the issuer is away, known keys go on working.
 */
export function remoteKeys(fetch: () => Promise<readonly ListedKey[]>): KeySource {
  let keys = new Map<string, CryptoKey>();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  async function load(): Promise<void> {
    triedAt = performance.now();
    const listed = await fetch();
    const imported = await Promise.all(
      listed.map(async ({ keyId, publicKeyJwk }): Promise<[string, CryptoKey]> => {
        const key = await importJWK(JSON.parse(publicKeyJwk) as JWK, ALGORITHM);
        if (key instanceof Uint8Array || key.type !== 'public')
          throw new Error(`key ${keyId} is not a public key`);
        return [keyId, key];
      }),
    );
    keys = new Map(imported);
    fetchedAt = performance.now();
  }

  function refresh(): Promise<void> {
    pending ??= load().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  return {
    async find(keyId) {
      if (keyId === undefined || keyId.length > 128) throw unknownKey();
      const known = keys.get(keyId);
      if (known !== undefined) {
        const now = performance.now();
        if (now - fetchedAt > MAX_AGE_MS && now - triedAt > MIN_REFRESH_INTERVAL_MS)
          refresh().catch(() => {});
        return known;
      }
      // Having no key at all, a fetch is worth its cost each time: the issuer may have just come up.
      const mayFetch = keys.size === 0 || performance.now() - triedAt > MIN_REFRESH_INTERVAL_MS;
      if (pending !== undefined || mayFetch) {
        try {
          await refresh();
        } catch (cause) {
          throw unavailable(cause);
        }
      }
      const fetched = keys.get(keyId);
      if (fetched === undefined) throw unknownKey();
      return fetched;
    },
  };
}

const unknownKey = () =>
  fail('UNAUTHENTICATED', 'TOKEN_INVALID', 'The access token is signed by an unknown key.');

function unavailable(cause: unknown): DomainError {
  return fail(
    'UNAVAILABLE',
    'SIGNING_KEYS_UNAVAILABLE',
    'Access tokens can not be checked right now. Try again.',
    {
      retryAfterMs: 1_000,
      cause,
    },
  );
}
