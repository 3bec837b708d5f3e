import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Paths, pathsIn, prepareFolders } from './paths.ts';
import { lock, lockHolder } from './state.ts';

let paths: Paths;
beforeEach(() => {
  paths = pathsIn(mkdtempSync(join(tmpdir(), 'souk-state-')));
  prepareFolders(paths);
});
afterEach(() => rmSync(paths.home, { recursive: true }));

describe('the lock of a home', () => {
  it('is held by one launcher until that gives it back', () => {
    const unlock = lock(paths);
    expect(unlock).toBeDefined();
    expect(lockHolder(paths)?.pid).toBe(process.pid);
    expect(lock(paths)).toBeUndefined();
    unlock?.();
    expect(lockHolder(paths)).toBeUndefined();
    expect(lock(paths)).toBeDefined();
  });

  it('is taken over from a launcher that was killed', () => {
    const program = `
      import { lock } from ${JSON.stringify(new URL('state.ts', import.meta.url).href)};
      import { pathsIn } from ${JSON.stringify(new URL('paths.ts', import.meta.url).href)};
      if (!lock(pathsIn(${JSON.stringify(paths.home)}))) process.exit(1);
      process.kill(process.pid, 'SIGKILL');`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
    expect(signal).toBe('SIGKILL');
    expect(existsSync(paths.lock)).toBe(true);
    expect(lock(paths)).toBeDefined();
    expect(lockHolder(paths)?.pid).toBe(process.pid);
  });

  it('is taken over where its pid now belongs to another process, or nothing can be read', () => {
    for (const content of [JSON.stringify({ pid: process.pid, started: 'another' }), '{"pid":']) {
      writeFileSync(paths.lock, content);
      expect(lock(paths)).toBeDefined();
      expect(readdirSync(paths.run).filter((name) => name.startsWith('launcher.lock'))).toEqual([
        'launcher.lock',
      ]);
    }
  });
});
