import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childrenOf } from '../mesh/local/memory.ts';
import { cpuSeconds } from './cpu.ts';
import type { LoadResult } from './load.ts';
import type { Scenario } from './load-process.ts';

/** A load's result with what it cost. */
export interface Measured extends LoadResult {
  /** Processor time of the servers for each call, in microseconds. */
  readonly cpuMicros: number;
}

const run = promisify(execFile);
const program = new URL('load-process.ts', import.meta.url).pathname;

/** Runs a load in a process of its own, and reads the processor time that `servers` and their children used. */
export async function measure(scenario: Scenario, servers: readonly number[]): Promise<Measured> {
  const pids = servers.flatMap((pid) => [pid, ...childrenOf(pid)]);
  const before = cpuSeconds(pids);
  const { stdout } = await run(process.execPath, [program, JSON.stringify(scenario)]);
  const result = JSON.parse(stdout) as LoadResult;
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.calls} calls failed`);
  return { ...result, cpuMicros: ((cpuSeconds(pids) - before) / result.calls) * 1e6 };
}

/** The middle of the values of `key`. */
export function median<T>(rows: readonly T[], key: (row: T) => number): number {
  const sorted = rows.map(key).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
