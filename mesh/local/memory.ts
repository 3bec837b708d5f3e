import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Memory of a process in bytes: its proportional share (memory that n processes share counts 1/n in each), so that
 * the sum over processes is what they use together. Where the system doesn't tell that, what is resident.
 */
export function memoryOf(pid: number): number {
  try {
    if (process.platform !== 'linux') {
      return 1024 * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }));
    }
    return (
      1024 *
      (field(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+)/m) ??
        field(`/proc/${pid}/status`, /^VmRSS:\s+(\d+)/m) ??
        0)
    );
  } catch {
    return 0;
  }
}

/** The pids of a process's children. */
export function childrenOf(pid: number): number[] {
  if (process.platform !== 'linux') {
    try {
      return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
        .trim()
        .split('\n')
        .map(Number);
    } catch {
      return [];
    }
  }
  try {
    // All threads of a single-threaded process, as PostgreSQL's are.
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    // A system without that, or no such process.
  }
  return readdirSync('/proc')
    .map(Number)
    .filter((candidate) => candidate > 0 && field(`/proc/${candidate}/status`, /^PPid:\s+(\d+)/m) === pid);
}

function field(file: string, pattern: RegExp): number | undefined {
  try {
    const value = pattern.exec(readFileSync(file, 'utf8'))?.[1];
    return value === undefined ? undefined : Number(value);
  } catch {
    return undefined;
  }
}
