import { type BenchShop, processMemory } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { printTable } from './table.ts';

const SAMPLES = 6;

/** Whether memory stays flat under load: what all processes use together, again and again. */
export async function memory(bench: BenchShop, { minutes, concurrency }: BenchConfig): Promise<void> {
  const rows: string[][] = [];
  let orders = 0;
  for (let sample = 0; sample <= SAMPLES; sample++) {
    process.stderr.write(`\rmemory: ${sample} of ${SAMPLES}`.padEnd(70));
    const { calls, cpuMicros } = await bench.order({ concurrency }, (minutes * 60) / SAMPLES);
    orders += calls;
    // The first brings heaps and caches to their size.
    if (sample === 0) continue;
    rows.push([`after ${orders} orders`, processMemory(bench.pids()).toFixed(0), cpuMicros.toFixed(0)]);
  }
  process.stderr.write('\r\x1b[K');
  printTable(['', 'memory MB', 'CPU µs/order'], rows);
  console.log('(of all processes, PostgreSQL included; goal: flat)');
}
