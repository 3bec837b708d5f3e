import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Cure } from './cure.ts';

/** How to run a program as somebody other than root. */
export interface Unprivileged {
  /** Who owns what the program writes; undefined: whoever runs us. */
  readonly owner?: Owner;
  /** What to spawn in place of the command. */
  wrap(command: string, args: readonly string[]): Spawnable;
}

/** A user and group by number. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

interface Spawnable {
  readonly command: string;
  readonly args: string[];
  readonly options: { uid?: number; gid?: number };
}

/**
 * PostgreSQL refuses to run as root. Ordinary users run it as themselves; root runs it as the machine's `postgres`
 * or `nobody` user, or makes a system user where there is neither (initdb needs an entry in /etc/passwd).
 *
 * @param paths existing files and folders that the program must reach
 * @param dataOwner who already owns the data, if it exists: root goes on as that user
 * @throws Cure if root can't let another user reach them
 */
export function unprivileged(paths: readonly string[], dataOwner?: Owner): Unprivileged {
  if (process.getuid?.() !== 0) {
    return { wrap: (command, args) => ({ command, args: [...args], options: {} }) };
  }
  const owner =
    (dataOwner?.uid === 0 ? undefined : dataOwner) ??
    passwd('postgres') ??
    passwd('nobody') ??
    createUser('souk-postgres');
  const blocked = paths.map((path) => blockedBy(path, owner)).find((folder) => folder !== undefined);
  if (blocked === undefined) {
    return { owner, wrap: (command, args) => ({ command, args: [...args], options: owner }) };
  }
  const prefix = passThroughFolders(owner, blocked);
  return {
    owner,
    wrap: (command, args) => ({ command: 'setpriv', args: [...prefix, command, ...args], options: {} }),
  };
}

/** The first folder above `path` that keeps `owner` out: a clone in root's own 0700 home, say. */
function blockedBy(path: string, owner: Owner): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const shift = uid === owner.uid ? 6 : gid === owner.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Passing through such a folder takes one capability of root's: to search folders, which is the smallest that does
 * (capabilities(7)). A container may have lost it, but by default keeps the next larger one.
 */
function passThroughFolders(owner: Owner, folder: string): string[] {
  const bounding = /^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const has = (bit: bigint) => ((BigInt(`0x${bounding}`) >> bit) & 1n) === 1n;
  const capability = has(2n) ? 'dac_read_search' : has(1n) ? 'dac_override' : undefined;
  if (capability !== undefined) {
    const only = `-all,+${capability}`;
    const prefix = [
      `--reuid=${owner.uid}`,
      `--regid=${owner.gid}`,
      '--clear-groups',
      `--bounding-set=${only}`,
      `--inh-caps=${only}`,
      `--ambient-caps=${only}`,
    ];
    if (spawnSync('setpriv', [...prefix, 'true']).status === 0) return prefix;
  }
  throw new Cure(
    `PostgreSQL can't run as root, and ${folder} keeps other users out: move the clone (or SOUK_HOME) to a folder that everybody may enter, such as /srv, or run as an ordinary user`,
  );
}

function passwd(name: string): Owner | undefined {
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields[0] === name) ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function createUser(name: string): Owner {
  const made = passwd(name);
  if (made) return made;
  spawnSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', name]);
  const user = passwd(name);
  if (user) return user;
  throw new Cure("PostgreSQL can't run as root, and no other user could be made: run as an ordinary user");
}
