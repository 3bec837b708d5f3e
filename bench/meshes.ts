import { type BenchShop, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import type { Measured } from './measure.ts';
import { inRounds, median, times } from './rounds.ts';
import { printTable } from './table.ts';

/** What the meshes cost: the same load without one, through one Envoy, and through a sidecar for each instance. */
export async function meshes(bench: BenchShop, config: BenchConfig): Promise<void> {
  const { rounds, seconds, concurrency, replicas } = config;
  const shops = new Map([['none', bench]]);
  try {
    for (const mesh of ['gateway', 'sidecars'] as const)
      shops.set(mesh, await startBenchShop({ mesh, replicas }));
    const results = await inRounds<string, Measured>(
      rounds,
      Object.fromEntries(
        [...shops].map(([mesh, shop]) => [`MESH=${mesh}`, () => shop.order({ concurrency }, seconds)]),
      ),
    );
    const of = (name: string, key: 'perSecond' | 'cpuMicros' | 'p50' | 'p99') =>
      median(results[name] ?? [], (row) => row[key]);
    printTable(
      ['CreateOrder', 'orders/s', 'CPU µs/order', 'of none', 'p50 ms', 'p99 ms'],
      Object.keys(results).map((name) => [
        ...[name, of(name, 'perSecond').toFixed(0), of(name, 'cpuMicros').toFixed(0)],
        times(of(name, 'cpuMicros'), of('MESH=none', 'cpuMicros')),
        ...[of(name, 'p50').toFixed(1), of(name, 'p99').toFixed(1)],
      ]),
    );
  } finally {
    for (const shop of shops.values()) if (shop !== bench) await shop.stop();
  }
}
