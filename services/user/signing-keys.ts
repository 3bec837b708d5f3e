import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { ALGORITHM } from '../../platform/auth/access-token.ts';
import type { Sql } from '../../platform/db/database.ts';
import { uuidv7 } from '../../platform/id.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { createSigningKeyCipher, type SigningKeyCipher } from './signing-key-cipher.ts';
import {
  deleteSpentKeys,
  ensureSigningKey,
  type NewSigningKey,
  readSigningKeys,
} from './signing-key-store.ts';

/** A public key, as it is listed. */
export interface ListedSigningKey {
  readonly keyId: string;
  /** JSON. */
  readonly publicKeyJwk: string;
  /** When it stops signing. */
  readonly retiresAt: Date;
}

interface Signer {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly signsFrom: Date;
}

/** The keys that sign access tokens. */
export interface SigningKeys {
  /** The key to sign with now. */
  current(): Signer;
  /** The keys whose tokens may be valid, and the next one, newest first. */
  list(): Promise<ListedSigningKey[]>;
  /** Makes the next key when it is time, removes spent ones, and learns what other replicas did. */
  maintain(): Promise<void>;
  /** How often, in milliseconds, `maintain` is to be called. */
  readonly maintainEveryMs: number;
}

/** How keys are made and kept. Times in seconds. */
export interface SigningKeysOptions {
  readonly sql: Sql;
  readonly cipher: SigningKeyCipher;
  /** How long one key signs. */
  readonly rotationS: number;
  readonly accessTokenTtlS: number;
}

/**
 * The next key is listed this long before it signs, or half a rotation where that is shorter. Verifiers fetch the list
 * once a minute, and whenever they meet an unknown key.
 */
const LEAD_S = 3_600;
/** Clocks may differ by this much before a key is removed too early. */
const CLOCK_SKEW_S = 60;
const MAINTAIN_EVERY_S = 60;

/** Loads the keys, and makes the first where there is none. Rejects where a key can't be opened. */
export async function openSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const { sql, cipher, rotationS } = options;
  const leadS = Math.min(LEAD_S, rotationS / 2);
  /** Newest first. */
  let signers: Signer[] = [];

  async function makeKey(): Promise<NewSigningKey> {
    const pair = await generateKeyPair(ALGORITHM, { extractable: true });
    const id = uuidv7();
    const [publicKey, privateKey] = await Promise.all([
      exportJWK(pair.publicKey),
      exportJWK(pair.privateKey),
    ]);
    return {
      id,
      publicKey: JSON.stringify({ ...publicKey, kid: id, alg: ALGORITHM, use: 'sig' }),
      privateKey: cipher.seal(id, JSON.stringify(privateKey)),
      sealed: cipher.sealed,
    };
  }

  async function load(): Promise<void> {
    const known = new Map(signers.map((signer) => [signer.id, signer]));
    const rows = await readSigningKeys(sql);
    // Retired keys verify only: they may be sealed with a secret that is gone.
    const signing = rows.filter((row, index) => index === 0 || row.signsUntil.getTime() > Date.now());
    signers = await Promise.all(
      signing.map(async ({ id, privateKey, sealed, signsFrom }) => {
        const opened = known.get(id);
        if (opened) return opened;
        const jwk = JSON.parse(cipher.open(id, privateKey, sealed)) as JWK;
        return { id, privateKey: (await importJWK(jwk, ALGORITHM)) as CryptoKey, signsFrom };
      }),
    );
  }

  const keys: SigningKeys = {
    current() {
      const now = Date.now();
      // The first key of all signs at once, whatever this machine's clock says.
      const signer = signers.find(({ signsFrom }) => signsFrom.getTime() <= now) ?? signers.at(-1);
      if (!signer) throw new Error('there is no signing key');
      return signer;
    },

    async list() {
      // From the database: another replica may have made the only key a moment ago.
      const rows = await readSigningKeys(sql);
      return rows.map(({ id, publicKey, signsUntil }) => ({
        keyId: id,
        publicKeyJwk: publicKey,
        retiresAt: signsUntil,
      }));
    },

    async maintain() {
      await ensureSigningKey(sql, { leadS, rotationS }, makeKey);
      await deleteSpentKeys(sql, options.accessTokenTtlS + CLOCK_SKEW_S);
      await load();
    },

    maintainEveryMs: Math.min(MAINTAIN_EVERY_S, leadS / 4) * 1_000,
  };
  await keys.maintain();
  return keys;
}

/** {@link openSigningKeys} by the service's settings. Warns where private keys are not sealed. */
export function openKeysOf(
  config: {
    readonly SIGNING_KEY_SECRET?: string | undefined;
    readonly SIGNING_KEY_ROTATION_S: number;
    readonly ACCESS_TOKEN_TTL_S: number;
  },
  sql: Sql,
  log: Logger,
): Promise<SigningKeys> {
  const cipher = createSigningKeyCipher(config.SIGNING_KEY_SECRET);
  if (!cipher.sealed) {
    log.warn(
      'SIGNING_KEY_SECRET is not set: private signing keys are in the database in clear, for development only',
    );
  }
  const { SIGNING_KEY_ROTATION_S: rotationS, ACCESS_TOKEN_TTL_S: accessTokenTtlS } = config;
  return openSigningKeys({ sql, cipher, rotationS, accessTokenTtlS });
}
