import { readFileSync } from 'node:fs';
import { childrenOf, memoryOf } from '../../local/memory.ts';

/** Clock ticks a second in /proc, as sysconf(_SC_CLK_TCK) says on every Linux. */
const ticksPerSecond = 100;

/** A process to measure, with its children where it has such. */
export interface Measured {
  readonly name: string;
  readonly pid: number;
  readonly children: boolean;
}

/** What the processes use. */
export interface ProcessMeter {
  /** Percent of a core, by name, since the last call; nothing where the system has no /proc. */
  cpu(processes: readonly Measured[]): Map<string, number>;
  /** Bytes, by name. Costs some milliseconds. */
  memory(processes: readonly Measured[]): Map<string, number>;
}

/** Remembers processor times between calls. */
export function createProcessMeter(): ProcessMeter {
  let last = new Map<number, number>();
  let at = performance.now();
  return {
    cpu(processes) {
      const now = performance.now();
      const seconds = (now - at) / 1000;
      const times = new Map<number, number>();
      const used = new Map<string, number>();
      for (const one of processes) {
        let sum: number | undefined;
        for (const pid of pidsOf(one)) {
          const time = processStat(pid)?.cpuTicks;
          if (time === undefined) continue;
          times.set(pid, time);
          const before = last.get(pid);
          if (before !== undefined) sum = (sum ?? 0) + time - before;
        }
        if (sum !== undefined && seconds > 0) {
          used.set(one.name, (sum / ticksPerSecond / seconds) * 100);
        }
      }
      last = times;
      at = now;
      return used;
    },
    memory: (processes) =>
      new Map(
        processes.map((one) => [one.name, pidsOf(one).reduce((bytes, pid) => bytes + memoryOf(pid), 0)]),
      ),
  };
}

function pidsOf({ pid, children }: Measured): number[] {
  return children ? [pid, ...childrenOf(pid)] : [pid];
}

/** What proc(5) says of a process; undefined where it is gone, or the system is not Linux. */
export function processStat(pid: number): { cpuTicks: number; stopped: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { cpuTicks: Number(fields[11]) + Number(fields[12]), stopped: fields[0] === 'T' };
  } catch {
    return undefined;
  }
}
