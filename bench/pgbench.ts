import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cpuSeconds } from './cpu.ts';
import type { OrderRate } from './dbos.ts';
import { orderScript } from './pgbench-script.ts';

/** Whether there is such a program. */
export const isInstalled = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** How to come by it. */
export const HOW_TO_INSTALL =
  'Without pgbench there is no limit to compare with: install the package postgresql (Debian, Ubuntu: it brings\n' +
  'postgresql-contrib), postgresql-contrib (Fedora) or postgresql (Homebrew), or set PGBENCH_BIN.';

/** Where orders are placed by pgbench. */
export interface PgbenchTarget {
  readonly program: string;
  readonly url: string;
  /** The server's pid. */
  readonly postgres: number;
}

/** Until each connection has compiled its functions and planned its statements, in seconds. */
const WARM_UP_S = 2;

/** Places orders statement by statement over so many connections. */
export async function runPgbench(
  { program, url, postgres }: PgbenchTarget,
  connections: number,
  seconds: number,
): Promise<OrderRate> {
  const folder = mkdtempSync(join(tmpdir(), 'souk-pgbench-'));
  try {
    const script = join(folder, 'order.sql');
    writeFileSync(script, await orderScript());
    const load = ['-n', '-M', 'prepared', '-j', '1', '-c', String(connections), '-f', script];
    // Each second it tells what the last one brought.
    const time = ['-P', '1', '-T', String(WARM_UP_S + seconds + 1)];
    const child = spawn(program, [...load, ...time, url], { stdio: ['ignore', 'ignore', 'pipe'] });
    return await rateOf(child.stderr, [postgres, child.pid ?? 0], seconds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Follows pgbench's progress, and tells of the `seconds` after the warm-up. */
async function rateOf(output: NodeJS.ReadableStream, pids: readonly number[], seconds: number) {
  const ticks: { tps: number; cpu: number }[] = [];
  let complaints = '';
  for await (const line of createInterface({ input: output })) {
    const tps = /^progress: [\d.]+ s, ([\d.]+) tps/.exec(line)?.[1];
    if (tps === undefined) complaints += `${line}\n`;
    else ticks.push({ tps: Number(tps), cpu: cpuSeconds(pids) });
  }
  const [from, to] = [ticks[WARM_UP_S - 1], ticks[WARM_UP_S + seconds - 1]];
  const orders = ticks.slice(WARM_UP_S, WARM_UP_S + seconds).reduce((sum, { tps }) => sum + tps, 0);
  if (!from || !to || orders === 0) throw new Error(`pgbench failed: ${complaints}`);
  return { perSecond: orders / seconds, cpuMicros: ((to.cpu - from.cpu) / orders) * 1e6 };
}
