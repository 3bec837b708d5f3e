import { chownSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a file into a folder in one step, for the folder's owner alone to read. */
export function writeAs(folder: string, name: string, text: string): void {
  const draft = join(folder, `${name}.draft`);
  writeFileSync(draft, text, { mode: 0o600 });
  const { uid, gid } = statSync(folder);
  chownSync(draft, uid, gid);
  renameSync(draft, join(folder, name));
}
