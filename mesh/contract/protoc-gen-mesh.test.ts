import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { repository } from '../local/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'souk-plugin-'));
afterAll(() => rmSync(folder, { recursive: true }));

const timeout = 30_000;

/** Lets buf generate from a contract with one method that has these options. */
function generate(options: string) {
  const contract = 'shop/contract/v1/policy.proto';
  mkdirSync(dirname(join(folder, contract)), { recursive: true });
  cpSync(join(repository, 'proto', contract), join(folder, contract));
  mkdirSync(join(folder, 'shop/stock/v1'), { recursive: true });
  writeFileSync(
    join(folder, 'shop/stock/v1/stock.proto'),
    `syntax = "proto3";
package shop.stock.v1;
import "google/protobuf/empty.proto";
import "shop/contract/v1/policy.proto";
service StockService {
  rpc Count(google.protobuf.Empty) returns (google.protobuf.Empty) { ${options} }
}`,
  );
  const plugin = ['node', join(repository, 'mesh/contract/protoc-gen-mesh.ts')];
  const template = { version: 'v2', plugins: [{ local: plugin, out: 'out', strategy: 'all' }] };
  const run = spawnSync('buf', ['generate', '--template', JSON.stringify(template)], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { ...run, made: join(folder, 'out') };
}

it('fails the build of a contract with a method that doesn’t state who may call it, and names it', {
  timeout,
}, () => {
  const { status, stderr, made } = generate('option (shop.contract.v1.policy).timeout_ms = 5;');
  expect(stderr).toContain('the policy of shop.stock.v1.StockService/Count has no access');
  expect(status).not.toBe(0);
  expect(existsSync(made)).toBe(false);
});

it('makes the files of one that does', { timeout }, () => {
  const { status, stderr, made } = generate(
    'option (shop.contract.v1.policy) = { access: ACCESS_ADMIN, timeout_ms: 5 };',
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(readFileSync(join(made, 'docs/contract.md'), 'utf8')).toContain('| Count | admin |');
});
