import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig, repository } from '../local/config.ts';
import { services } from '../local/services.ts';
import { imageFiles } from './checks/image.ts';

const folder = mkdtempSync(join(tmpdir(), 'souk-image-'));
const environment = () => ({ ...readConfig().inherited, NODE_ENV: 'production' });

// As the Dockerfile does.
beforeAll(() => {
  for (const { name } of services)
    for (const file of imageFiles(name)) cpSync(join(repository, file), join(folder, file));
  const options = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const { status, stderr } = spawnSync('npm', ['ci', ...options], {
    cwd: folder,
    env: environment(),
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(services.map(({ name }) => name))(
  'the files of %s’s image are all that it needs to start',
  (service) => {
    const { status, stderr } = spawnSync(process.execPath, ['main.ts'], {
      cwd: join(folder, 'services', service),
      env: { NODE_ENV: 'production' },
      encoding: 'utf8',
    });
    // Every module is loaded before the configuration is read.
    expect(stderr).toContain('DATABASE_URL is missing');
    expect(status).toBe(1);
  },
);

it('they are few', () => {
  const { stdout } = spawnSync('du', ['-sm', folder], { encoding: 'utf8' });
  expect(Number.parseInt(stdout, 10)).toBeLessThan(85);
});
