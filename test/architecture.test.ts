import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'souk-rules-'));
cpSync('biome.json', join(folder, 'biome.json'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The project's own lint rules that `source` breaks where it stands at `path`. */
function broken(path: string, source: string): string[] {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), source);
  const run = spawnSync('biome', ['lint', '--vcs-enabled=false', '--reporter=json', path], {
    cwd: folder,
    encoding: 'utf8',
  });
  const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: { category: string }[] };
  return diagnostics.map(({ category }) => category).filter((category) => category.startsWith('lint/'));
}

const importing = (module: string) => `import { x } from '${module}';\nconsole.log(x);\n`;

describe('the import rules', () => {
  it.each([
    ['a service that imports another', 'services/order/clients/x.ts', '../../product/product.ts'],
    ['a flat service that imports another', 'services/user/x.ts', '../order/order-routes.ts'],
    ['a service that imports the mesh', 'services/user/x.ts', '../../mesh/local/config.ts'],
    ['platform that imports a service', 'platform/rpc/x.ts', '../../services/user/user.ts'],
    ['platform that names a domain', 'platform/rpc/x.ts', '@souk/contracts/shop/user/v1/user_pb.js'],
    [
      'a domain that knows the wire',
      'services/order/domain/x.ts',
      '@souk/contracts/shop/type/v1/money_pb.js',
    ],
    ['a domain that knows the database', 'services/order/domain/x.ts', '../store/order-store.ts'],
  ])('refuse %s', (_, path, module) => {
    expect(broken(path, importing(module))).toEqual(['lint/style/noRestrictedImports']);
  });

  it.each([
    ['services/order/order-routes.ts', '../../platform/errors.ts'],
    ['services/order/store/x.ts', '../domain/order.ts'],
    ['platform/rpc/x.ts', '@souk/contracts/shop/contract/v1/policy_pb.js'],
  ])('let %s import %s', (path, module) => {
    expect(broken(path, importing(module))).toEqual([]);
  });

  it('let only configuration read the environment', () => {
    const source = 'console.log(process.env);\n';
    expect(broken('services/user/x.ts', source)).toEqual(['lint/style/noProcessEnv']);
    expect(broken('platform/config/x.ts', source)).toEqual([]);
  });
});
