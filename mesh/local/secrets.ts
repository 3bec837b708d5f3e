import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads a secret by name, making it the first time. */
export type Secrets = (name: string) => string;

/**
 * Secrets as files (0600) in a folder (0700), each 192 random bits in base64url, so that they need no escaping in
 * URLs or SQL.
 */
export function secretsIn(folder: string): Secrets {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return (name) => {
    const file = join(folder, name);
    const read = () => readFileSync(file, 'utf8').trim();
    try {
      return read();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    }
    // Linked into place whole: a reader, or a kill at this point, never leaves an empty secret behind.
    const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
    writeFileSync(draft, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
    try {
      linkSync(draft, file);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    } finally {
      rmSync(draft, { force: true });
    }
    return read();
  };
}
