import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from './config.ts';
import { onPath } from './on-path.ts';

/** Prometheus, and the tool that checks its rules. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Where they are looked for. */
export interface PrometheusSearch {
  /** A path that goes before all others; promtool stands beside it. */
  readonly prometheusBin: string | undefined;
  readonly path: string;
}

const folder = join(repository, '.souk', 'tools', 'prometheus');

/** PROMETHEUS_BIN, else the one on the PATH, else our own; undefined if none is installed. */
export function findPrometheus({ prometheusBin, path }: PrometheusSearch): PrometheusPrograms | undefined {
  const candidates = [
    ...(prometheusBin === undefined ? onPath('prometheus', path) : [prometheusBin]),
    ...(prometheusBin === undefined ? [join(folder, 'usr', 'bin', 'prometheus')] : []),
  ];
  return candidates
    .map((prometheus) => ({ prometheus, promtool: join(dirname(prometheus), 'promtool') }))
    .find(({ prometheus, promtool }) => existsSync(prometheus) && existsSync(promtool));
}

/**
 * Unpacks Debian's package (19 MB) into a folder of ours where there is none to be found, which needs no root.
 *
 * @returns undefined where there is no apt, or it has no such package
 */
export function installPrometheus(search: PrometheusSearch): PrometheusPrograms | undefined {
  const found = findPrometheus(search);
  if (found !== undefined || search.prometheusBin !== undefined) return found;
  const draft = `${folder}.${process.pid}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    const run = (command: string, args: readonly string[]) =>
      spawnSync(command, args, { cwd: draft, env: { PATH: search.path } }).status === 0;
    if (!run('apt-get', ['download', 'prometheus'])) return undefined;
    const [deb] = readdirSync(draft).filter((name) => name.endsWith('.deb'));
    if (deb === undefined || !run('dpkg-deb', ['--extract', deb, '.'])) return undefined;
    rmSync(join(draft, deb));
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return findPrometheus(search);
}
