import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Locked {
  readonly version: string;
  readonly license?: string;
  /** Not there when a service runs. */
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** What these ask for is to be named; MPL's files may not be changed without being shown, and none is. */
const ALLOWED =
  /^\(?(MIT|Apache-2\.0|ISC|0BSD|BSD-[23]-Clause|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Zlib|MPL-2\.0|Python-2\.0|CC-BY-4\.0| AND | OR )+\)?$/;

const locked = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>;
};
const packages = Object.entries(locked.packages)
  .filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
  .map(([path, rest]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 13), ...rest }));

it('all packages have a licence that lets a shop be run and sold', () => {
  const others = packages.filter(({ license }) => !ALLOWED.test(license ?? ''));
  expect(others.map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
});

it('docs/licences.md lists them (vitest -u writes it)', async () => {
  const list = (some: typeof packages) =>
    [...new Set(some.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`))].sort();
  const table = (some: typeof packages) => [
    '| Package | Version | Licence |',
    '|---|---|---|',
    ...list(some),
    '',
  ];
  const text = [
    '# Licences of the packages',
    '',
    "Souk's own is in [LICENSE](../LICENSE). This list is made from package-lock.json by a test.",
    '',
    '## In a running service',
    '',
    ...table(packages.filter(({ dev }) => dev !== true)),
    '## For development, tests and the launcher',
    '',
    ...table(packages.filter(({ dev }) => dev === true)),
  ].join('\n');
  await expect(text).toMatchFileSnapshot('../docs/licences.md');
});
