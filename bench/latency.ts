import { type BenchShop, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import type { Measured } from './measure.ts';
import { inRounds, median, times } from './rounds.ts';
import { printTable } from './table.ts';

/**
 * What gathering orders costs the single one, against services that gather nothing; and how steady the latency is at
 * half of the highest rate, when orders come at random.
 */
export async function latency(bench: BenchShop, config: BenchConfig): Promise<void> {
  const { rounds, seconds, concurrency, replicas } = config;
  const entry = () => new URL('uncoalesced-service.ts', import.meta.url).pathname;
  const uncoalesced = await startBenchShop({ mesh: 'none', replicas, entry });
  try {
    const { perSecond: highest } = await bench.order({ concurrency }, 2 * seconds);
    const names = {
      lone: 'one at a time',
      apart: 'one at a time, nothing gathered',
      many: `${concurrency} under way`,
      manyApart: `${concurrency} under way, nothing gathered`,
      half: `${(highest / 2).toFixed(0)} a second, at random`,
    };
    const results = await inRounds<string, Measured>(rounds, {
      [names.lone]: () => bench.order({ concurrency: 1 }, seconds),
      [names.apart]: () => uncoalesced.order({ concurrency: 1 }, seconds),
      [names.many]: () => bench.order({ concurrency }, seconds),
      [names.manyApart]: () => uncoalesced.order({ concurrency }, seconds),
      [names.half]: () => bench.order({ perSecond: highest / 2 }, seconds),
    });
    const of = (name: string, key: 'perSecond' | 'cpuMicros' | 'p50' | 'p99') =>
      median(results[name] ?? [], (row) => row[key]);
    printTable(
      ['CreateOrder', 'orders/s', 'CPU µs/order', 'p50 ms', 'p99 ms'],
      Object.values(names).map((name) => [
        ...[name, of(name, 'perSecond').toFixed(0), of(name, 'cpuMicros').toFixed(0)],
        ...[of(name, 'p50').toFixed(1), of(name, 'p99').toFixed(1)],
      ]),
    );
    const lone = times(of(names.lone, 'p50'), of(names.apart, 'p50'));
    const spread = times(of(names.half, 'p99'), of(names.half, 'p50'));
    console.log(`one at a time takes ${lone} times as long as when nothing is gathered (goal: <= 1.2)`);
    console.log(`p99 is ${spread} times p50 at half of the highest rate (goal: < 5)`);
  } finally {
    await uncoalesced.stop();
  }
}
