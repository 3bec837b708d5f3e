import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { repository } from './config.ts';
import { Cure } from './cure.ts';

/** A version of the services' programs. */
export interface Version {
  /** For people: a short commit, or a folder. */
  readonly name: string;
  /** The clone's folder of that version. */
  readonly folder: string;
}

/** What is in the clone now. */
export const OWN: Version = { name: 'own', folder: repository };

/**
 * The version that `wanted` names: a folder with a clone, or a commit, branch or tag of this one, which is then checked
 * out under `versions`. Its packages are this clone's, except for the contracts, which are its own.
 *
 * @throws Cure if there is no such version
 */
export function findVersion(wanted: string, versions: string): Version {
  const folder = resolve(repository, wanted);
  if (existsSync(join(folder, 'services'))) return { name: wanted, folder };
  let commit: string;
  try {
    commit = git('rev-parse', '--verify', '--quiet', '--short=12', `${wanted}^{commit}`);
  } catch {
    throw new Cure(
      `VERSION=${wanted} is neither a folder with a clone nor a commit, branch or tag of this one`,
    );
  }
  const checkout = join(versions, commit);
  if (!existsSync(join(checkout, 'node_modules'))) {
    // What a killed launcher left of it goes.
    rmSync(checkout, { recursive: true, force: true });
    mkdirSync(checkout, { recursive: true });
    // No git worktree: that would leave its mark in the clone.
    const archive = execFileSync('git', ['-C', repository, 'archive', commit], { maxBuffer: 2 ** 30 });
    execFileSync('tar', ['-x', '-C', checkout], { input: archive });
    linkPackages(checkout);
  }
  return { name: commit, folder: checkout };
}

function linkPackages(checkout: string): void {
  const draft = join(checkout, 'node_modules.draft');
  const own = join(repository, 'node_modules');
  mkdirSync(join(draft, '@souk'), { recursive: true });
  for (const name of readdirSync(own)) {
    if (name !== '@souk') symlinkSync(join(own, name), join(draft, name));
  }
  symlinkSync(join(checkout, 'gen'), join(draft, '@souk', 'contracts'));
  renameSync(draft, join(checkout, 'node_modules'));
}

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', repository, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
