import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { repository } from '../local/config.ts';
import { dockerfile } from './checks/image.ts';
import { hadolintBinary } from './checks/tools.ts';

let hadolint: string;
beforeAll(async () => {
  hadolint = await hadolintBinary();
}, 300_000);

const lint = (text: string) => spawnSync(hadolint, ['-'], { input: text, cwd: repository, encoding: 'utf8' });

it('hadolint finds nothing in the Dockerfile', () => {
  const { status, stdout } = spawnSync(hadolint, [join(repository, 'Dockerfile')], { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

it('hadolint finds what is wrong with a worse one', () => {
  const { status, stdout } = lint(
    `${dockerfile().replace('npm ci', 'cd gen && npm ci')}\nCMD node main.ts\n`,
  );
  expect(status).not.toBe(0);
  expect(stdout).toMatch(/DL3003[\s\S]*DL3025/);
});
