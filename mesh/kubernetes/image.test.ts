import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repository } from '../local/config.ts';
import { entryPoint, services } from '../local/services.ts';
import { dockerfile, imageFiles, needsOf } from './checks/image.ts';

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
const programs = services
  .flatMap(({ name }) => ['main', 'seed'].map((program) => [name, program] as const))
  .filter(([service, program]) => existsSync(entryPoint(service, program as 'main')));

describe('the image of', () => {
  it.each(programs)('%s has every file that %s.ts needs', (service, program) => {
    const { files } = needsOf(`services/${service}/${program}.ts`);
    const there = new Set(imageFiles(service));
    expect([...files].filter((file) => !there.has(file))).toEqual([]);
    expect(files.size).toBeGreaterThan(20);
  });

  it.each(programs)('%s has every package that %s.ts needs', (service, program) => {
    const { packages } = needsOf(`services/${service}/${program}.ts`);
    const installed = [...Object.keys(manifest.dependencies), '@souk/contracts'];
    expect([...packages].filter((name) => !installed.includes(name))).toEqual([]);
    expect(packages).toContain('pg');
  });

  it.each(services.map(({ name }) => name))('%s has no tests, and no other service', (service) => {
    const files = imageFiles(service);
    expect(files.filter((file) => /\.test\.ts$|\/testing\//.test(file))).toEqual([]);
    expect(
      files.filter((file) => /^services\//.test(file) && !file.startsWith(`services/${service}/`)),
    ).toEqual([]);
  });
});

it('no package is installed for nothing', () => {
  const needed = new Set(
    programs.flatMap(([service, program]) => [...needsOf(`services/${service}/${program}.ts`).packages]),
  );
  expect(Object.keys(manifest.dependencies).filter((name) => !needed.has(name))).toEqual([]);
});

it('the image has the Node that everything is tested with, and is not root', () => {
  expect(dockerfile()).toContain(`ARG NODE_VERSION=${manifest.devDependencies.node}\n`);
  expect(dockerfile()).toMatch(/^USER 65532:65532$/m);
});
