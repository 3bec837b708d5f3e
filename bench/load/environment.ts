import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { repository } from '../../mesh/local/config.ts';
import type { RunningShop } from './running-shop.ts';

/** Where a load was run: what its figures depend on. */
export interface Environment {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  readonly mesh: string;
  /** Instances of each service, at the beginning. */
  readonly replicas: Readonly<Record<string, number>>;
  /** Of the clone; with `+` if files were changed. Empty: no git here. */
  readonly commit: string;
}

/** Looks around. */
export function environmentOf(shop: RunningShop): Environment {
  const { mesh, processes } = shop.state();
  const replicas: Record<string, number> = {};
  for (const { service, kind } of processes)
    if (kind === 'service' && service) replicas[service] = (replicas[service] ?? 0) + 1;
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    mesh,
    replicas,
    commit: commit(),
  };
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    return git('rev-parse', '--short=12', 'HEAD').trim() + (git('status', '--porcelain') === '' ? '' : '+');
  } catch {
    return '';
  }
}
