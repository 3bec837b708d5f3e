import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { newProduct, signIn } from './clients.ts';

const folder = mkdtempSync(join(tmpdir(), 'souk-app-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (command: string, args: string[], cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** The versions that this project itself is pinned to. */
const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const pinned = (name: string) => `${name}@${{ ...dependencies, ...devDependencies }[name]}`;

describe('@souk/contracts', () => {
  it('is all that another app needs to call the shop, typed, by Connect and by grpc-js', async () => {
    const { email, password } = inject('admin');
    await newProduct(await signIn(inject('gatewayUrl'), email, password), 100, 0);

    const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], 'gen'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
    const libraries = [
      '@bufbuild/protobuf',
      '@connectrpc/connect',
      '@connectrpc/connect-node',
      '@grpc/grpc-js',
    ];
    const tools = ['typescript', '@types/node'];
    run('npm', [
      ...['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `./${filename}`],
      ...[...libraries, ...tools].map(pinned),
    ]);
    cpSync('test/contracts-app/app.ts', join(folder, 'app.ts'));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext'];
    run('npx', ['tsc', ...options, '--types', 'node', 'app.ts']);

    const { byConnect, byGrpc } = JSON.parse(run('node', ['app.ts', new URL(inject('gatewayUrl')).host]));
    expect(byConnect).toMatch(/\w/);
    expect(byGrpc).toBe(byConnect);
  }, 120_000);
});
