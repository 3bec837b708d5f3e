import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

/** A file as it is served. */
export interface Asset {
  readonly type: string;
  readonly content: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const pageFolder = join(import.meta.dirname, 'page');
const chartFolder = dirname(createRequire(import.meta.url).resolve('uplot'));

/**
 * The files of the page by their path, each read once. `token` is put into the page, which no other site can read.
 */
export function createAssets(token: string): (path: string) => Asset | undefined {
  const files = new Map<string, string>([
    ...readdirSync(pageFolder).map((name) => [`/${name}`, join(pageFolder, name)] as const),
    ['/uplot.js', join(chartFolder, 'uPlot.esm.js')],
    ['/uplot.css', join(chartFolder, 'uPlot.min.css')],
  ]);
  // All at once, and not each when the one before has told of it.
  const preloads = [...files.keys()]
    .filter((path) => path.endsWith('.js'))
    .map((path) => `<link rel="modulepreload" href="${path}" />`)
    .join('');
  const ready = new Map<string, Asset>();
  return (path) => {
    const wanted = path === '/' ? '/index.html' : path;
    const file = files.get(wanted);
    const type = types[extname(wanted)];
    if (!file || !type) return undefined;
    let asset = ready.get(wanted);
    if (!asset) {
      const source = readFileSync(file, 'utf8');
      const content =
        wanted === '/index.html'
          ? source.replace('<!-- {{modules}} -->', () => preloads).replace('{{token}}', () => token)
          : source;
      asset = { type, content };
      ready.set(wanted, asset);
    }
    return asset;
  };
}
