import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { childrenOf } from '../mesh/local/memory.ts';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Ticks of processor time of a process, and of its children that have ended. */
function ticksOf(pid: number): number {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // What follows the command's name, which may itself hold spaces: utime, stime, cutime, cstime.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  } catch {
    return 0;
  }
}

/**
 * Seconds of processor time, user and system, that the processes in `pids` and their children have used, those included
 * that have ended: PostgreSQL is a process for each connection. Linux only.
 */
export function cpuSeconds(pids: Iterable<number>): number {
  let ticks = 0;
  for (const pid of pids) for (const each of [pid, ...childrenOf(pid)]) ticks += ticksOf(each);
  return ticks / ticksPerSecond;
}

/** Seconds of processor time that this machine's processes wanted, and the host gave to others. Linux only. */
export function stolenSeconds(): number {
  // cpu user nice system idle iowait irq softirq steal …
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const [, ...ticks] = line.split(/\s+/);
  return Number(ticks[7]) / ticksPerSecond;
}
