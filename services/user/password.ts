import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';

/** What an Argon2id hash costs (RFC 9106). */
export interface PasswordCost {
  /** KiB. */
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** OWASP's least recommendation: 19 MiB, 2 passes, one lane. About 20 ms of CPU on a current machine. */
export const PASSWORD_COST: PasswordCost = { memory: 19_456, passes: 2, parallelism: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

interface ParsedHash {
  readonly cost: PasswordCost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Hashes a password with a fresh salt. The result, in PHC string format, carries what verifying needs. */
export async function hashPassword(password: string, cost: PasswordCost = PASSWORD_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return format({ cost, salt, hash: await derive(password, cost, salt, HASH_BYTES) });
}

/** Whether the password is the one that was hashed. Throws on a string that is no such hash. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const { cost, salt, hash } = parse(phc);
  return timingSafeEqual(await derive(password, cost, salt, hash.length), hash);
}

/** Whether a hash was made at another cost than today's, so that it should be made anew when the password is known. */
export function isOutdated(phc: string, cost: PasswordCost = PASSWORD_COST): boolean {
  const known = parse(phc).cost;
  return (
    known.memory !== cost.memory || known.passes !== cost.passes || known.parallelism !== cost.parallelism
  );
}

/** A hash that no password is known for, to be verified where there is no account, at the same cost as where there is. */
export function decoyHash(cost: PasswordCost = PASSWORD_COST): string {
  return format({ cost, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) });
}

function derive(password: string, cost: PasswordCost, salt: Buffer, tagLength: number): Promise<Buffer> {
  // NFC: keyboards differ in how they compose the same letter.
  const message = Buffer.from(password.normalize('NFC'));
  const parameters: Argon2Parameters = { ...cost, message, nonce: salt, tagLength };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}

function format({ cost, salt, hash }: ParsedHash): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(hash)}`;
}

function parse(phc: string): ParsedHash {
  const match = PHC.exec(phc);
  // The string itself stays out of the message: it must not get into a log.
  if (match === null) throw new Error('a stored password hash is not an Argon2id hash in PHC string format');
  const [, memory, passes, parallelism, salt, hash] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}
