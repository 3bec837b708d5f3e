import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../local/config.ts';

/** Names under which systems have it. */
const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** CHROMIUM_BIN, else a Chromium on the PATH; undefined if there is none. */
export function findChromium(): string | undefined {
  const { inherited, path } = readConfig();
  if (inherited.CHROMIUM_BIN) return inherited.CHROMIUM_BIN;
  return path
    .split(':')
    .flatMap((folder) => programs.map((program) => join(folder, program)))
    .find(existsSync);
}

const CURE = 'install Chromium ("apt-get install chromium" on Debian), or name one by CHROMIUM_BIN';

/**
 * Installs Debian's Chromium where that can be done.
 *
 * @returns what is to be done by hand; undefined if it is there
 */
export function installChromium(): string | undefined {
  if (findChromium()) return undefined;
  if (process.getuid?.() !== 0) return CURE;
  const apt = (...args: string[]) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...readConfig().inherited, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  console.log('Installing Chromium by apt-get (100 MB, once)');
  const install = () => apt('install', '--yes', '--no-install-recommends', 'chromium');
  // The list of packages may be missing, or old.
  if (install() || (apt('update') && install())) return findChromium() ? undefined : CURE;
  return CURE;
}
