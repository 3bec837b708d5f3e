import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Seals private keys for the database. */
export interface SigningKeyCipher {
  readonly sealed: boolean;
  seal(keyId: string, text: string): Buffer;
  /** Throws an Error that names the setting at fault. */
  open(keyId: string, bytes: Uint8Array, sealed: boolean): string;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM under a key derived from `secret`, bound to the key's id. Without a secret nothing is sealed. */
export function createSigningKeyCipher(secret: string | undefined): SigningKeyCipher {
  const key =
    secret === undefined ? undefined : Buffer.from(hkdfSync('sha256', secret, '', 'souk signing keys', 32));

  return {
    sealed: key !== undefined,

    seal(keyId, text) {
      if (!key) return Buffer.from(text);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(keyId));
      return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    },

    open(keyId, bytes, sealed) {
      const data = Buffer.from(bytes);
      if (!sealed) return data.toString();
      if (!key) throw new Error('SIGNING_KEY_SECRET is missing: the signing keys in the database are sealed');
      try {
        const decipher = createDecipheriv(ALGORITHM, key, data.subarray(0, NONCE_BYTES))
          .setAAD(Buffer.from(keyId))
          .setAuthTag(data.subarray(-TAG_BYTES));
        return decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)) + decipher.final('utf8');
      } catch (cause) {
        throw new Error('SIGNING_KEY_SECRET is not the one that sealed the signing keys in the database', {
          cause,
        });
      }
    },
  };
}
