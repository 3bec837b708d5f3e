import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { repository } from '../../local/config.ts';

const read = (file: string): string => readFileSync(join(repository, file), 'utf8');

/** The Dockerfile's text. */
export const dockerfile = (): string => read('Dockerfile');

/** The files of the repository that a service's image has, by the Dockerfile's COPY and by .dockerignore. */
export function imageFiles(service: string): string[] {
  const copied = [...dockerfile().matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.replaceAll(`\${SERVICE}`, service).split(' '),
  );
  const rules = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [first, ...others] = rules;
  if (first !== '*') throw new Error('.dockerignore begins with *, so that it lists what there is');
  const allowed = others.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  const ignored = others.filter((rule) => !rule.startsWith('!'));
  return globSync(
    copied.flatMap((source) => [source, `${source}/**`]),
    {
      cwd: repository,
      withFileTypes: true,
      exclude: ignored,
    },
  )
    .filter((entry) => entry.isFile())
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .filter((file) => allowed.some((path) => file === path || file.startsWith(`${path}/`)));
}

/** What a program needs at run time: files of the repository, and packages by name. */
export interface Needs {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
}

// Imports of types alone vanish when Node runs a file.
const imports =
  /(?:^|;|\n)\s*(?:import|export)\s+(?!type\b)[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g;
const urls = /new URL\(\s*['"](\.[^'"]+)['"]\s*,\s*import\.meta\.url/g;

/** Follows the imports of a program, and the files that it finds by its own place. */
export function needsOf(program: string): Needs {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    if (!file.endsWith('.ts')) return;
    const text = read(file);
    for (const [, static_, dynamic] of text.matchAll(imports)) {
      const name = static_ ?? dynamic ?? '';
      if (name.startsWith('.')) visit(join(dirname(file), name));
      else if (!isBuiltin(name)) packages.add(packageOf(name));
    }
    for (const [, path = ''] of text.matchAll(urls)) {
      const target = join(dirname(file), path);
      const inside = path.endsWith('/') ? globSync(`${target}*`, { cwd: repository }) : [target];
      for (const each of inside) visit(each);
    }
  };
  visit(program);
  return { files, packages };
}

/** `@souk/contracts` of `@souk/contracts/shop/…` */
function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
