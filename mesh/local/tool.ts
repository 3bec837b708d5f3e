import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from './config.ts';
import { Cure } from './cure.ts';
import { onPath } from './on-path.ts';

/** A program that is installed where the machine has none. */
export interface Tool {
  /** As people call it: "Envoy". */
  readonly title: string;
  /** The program's file: "envoy". */
  readonly program: string;
  /** The variable that names one to use in place of any other. */
  readonly variable: string;
  /** The version that is installed. */
  readonly pinned: string;
  /** The oldest that will do. */
  readonly oldest: string;
  /** Finds the version in what `--version` prints. */
  readonly version: RegExp;
  /** The package of PyPI that brings it, of the same version. */
  readonly package: string;
  /** Where the program itself is in that package: signals and process ids must be its own, not a wrapper's. */
  readonly inPackage: string;
  /** Where it is for Go's `go install`, if pip can't bring it. */
  readonly goModule?: string;
}

/** Where a tool is looked for. */
export interface ToolSearch {
  /** What the tool's variable says. */
  readonly named: string | undefined;
  readonly path: string;
  /** The whole environment: Go wants to know where its caches are. */
  readonly inherited: NodeJS.ProcessEnv;
}

/** Where our own is, shared by all homes of this clone. */
const folderOf = ({ program, pinned }: Tool) => join(repository, '.souk', 'tools', `${program}-${pinned}`);
const ownOf = (tool: Tool) => join(folderOf(tool), tool.inPackage);

/**
 * A program that is new enough: the one that is named, else one on the PATH, else our own; undefined if none is
 * installed.
 *
 * @throws Cure if one is named that doesn't run or is too old
 */
export function findTool(tool: Tool, { named, path }: Omit<ToolSearch, 'inherited'>): string | undefined {
  const { title, variable, oldest } = tool;
  if (named !== undefined) {
    const version = versionOf(tool, named);
    if (version === undefined)
      throw new Cure(`${variable} is ${named}, which is no ${title} that runs here: unset it`);
    if (isOlder(version, oldest)) {
      throw new Cure(
        `${variable} is ${title} ${version}, and ${oldest} or newer is needed: unset it to have one installed`,
      );
    }
    return named;
  }
  const newEnough = onPath(tool.program, path)
    .filter(isExecutable)
    .find((candidate) => {
      const version = versionOf(tool, candidate);
      return version !== undefined && !isOlder(version, oldest);
    });
  const own = ownOf(tool);
  return newEnough ?? (existsSync(own) ? own : undefined);
}

/**
 * Installs our own from PyPI, or else by Go, if there is none to be found.
 *
 * @throws Cure if that needs something that is missing
 */
export async function installTool(tool: Tool, search: ToolSearch): Promise<string> {
  const found = findTool(tool, search);
  if (found !== undefined) return found;
  const { title, pinned, variable } = tool;
  const folder = folderOf(tool);
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  let fault = await byPip(tool, draft, search.path);
  if (fault !== undefined && hasGo(tool)) fault = await byGo(tool, draft, search);
  if (fault !== undefined) {
    rmSync(draft, { recursive: true, force: true });
    throw new Cure(`${fault}, or install ${title} yourself and set ${variable} to it`);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  const own = ownOf(tool);
  if (versionOf(tool, own) === undefined)
    throw new Cure(`${title} ${pinned} doesn't run on this machine: set ${variable} to one that does`);
  return own;
}

/** Resolves to what stands in the way; undefined if nothing did. */
async function byPip(tool: Tool, folder: string, path: string): Promise<string | undefined> {
  const { title, pinned } = tool;
  if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0)
    return `${title} is installed by Python's pip, and "python3 -m pip" doesn't run: install both`;
  const options = ['--no-deps', '--disable-pip-version-check', '--quiet'];
  const complaint = await run(
    'python3',
    ['-m', 'pip', 'install', ...options, '--target', folder, `${tool.package}==${pinned}`],
    // Into a folder of ours, so its warning about root doesn't apply.
    { PATH: path, PIP_ROOT_USER_ACTION: 'ignore' },
  );
  return complaint === undefined
    ? undefined
    : `pip can't install ${tool.package} ${pinned} (${complaint}): try again`;
}

function hasGo({ goModule }: Tool): boolean {
  return goModule !== undefined && spawnSync('go', ['version']).status === 0;
}

async function byGo(tool: Tool, folder: string, search: ToolSearch): Promise<string | undefined> {
  const { title, pinned, goModule } = tool;
  const complaint = await run('go', ['install', `${goModule}@v${pinned}`], {
    ...search.inherited,
    PATH: search.path,
    GOBIN: dirname(join(folder, tool.inPackage)),
  });
  return complaint === undefined
    ? undefined
    : `neither pip nor Go can install ${title} ${pinned} (${complaint}): try again`;
}

/** Runs a program to its end; undefined if it succeeds, else the last line of its complaint. */
async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  return code === 0 ? undefined : (stderr.trim().split('\n').at(-1) ?? `code ${code}`);
}

/** `1.40.0`; undefined if the program isn't one that runs. */
function versionOf(tool: Tool, program: string): string | undefined {
  const { stdout, status } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return status === 0 ? tool.version.exec(stdout)?.[1] : undefined;
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
