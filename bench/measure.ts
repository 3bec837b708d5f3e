import { spawn } from 'node:child_process';
import { json } from 'node:stream/consumers';
import { cpuSeconds } from './cpu.ts';
import type { LoadResult } from './one-method.ts';
import type { Scenario } from './one-method-process.ts';

/** A load's result with what it cost. */
export interface Measured extends LoadResult {
  /** Processor time of the servers for each call, in microseconds. */
  readonly cpuMicros: number;
}

/** Runs a load in a process of its own, and reads the processor time that `servers` and their children used. */
export async function measure(scenario: Scenario, servers: readonly number[]): Promise<Measured> {
  const before = cpuSeconds(servers);
  const result = await runProgram<LoadResult>('one-method-process.ts', scenario);
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.calls} calls failed`);
  return { ...result, cpuMicros: ((cpuSeconds(servers) - before) / result.calls) * 1e6 };
}

/** Runs a program of this folder that takes JSON on stdin and prints JSON. */
export async function runProgram<Result>(name: string, input: unknown): Promise<Result> {
  const program = new URL(name, import.meta.url).pathname;
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(input));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const output = json(child.stdout).catch(() => undefined);
  if ((await ended) !== 0) throw new Error(`${name} failed`);
  return (await output) as Result;
}
