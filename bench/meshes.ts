import { type BenchShop, processMemory, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import type { Measured } from './measure.ts';
import type { Pace } from './one-method.ts';
import { inRounds, median, times } from './rounds.ts';
import { printTable } from './table.ts';

/** What the meshes cost: the same loads without one, through one Envoy, and through a sidecar for each instance. */
export async function meshes(bench: BenchShop, config: BenchConfig): Promise<void> {
  const { rounds, seconds, concurrency, replicas } = config;
  const shops = new Map([['none', bench]]);
  try {
    for (const mesh of ['gateway', 'sidecars'] as const)
      shops.set(mesh, await startBenchShop({ mesh, replicas }));
    const loads: [string, (shop: BenchShop) => Promise<Measured>][] = [];
    for (const [pace, how] of [
      [{ concurrency: 1 }, 'one at a time'],
      [{ concurrency }, `${concurrency} under way`],
    ] as [Pace, string][]) {
      loads.push([`GetProduct, ${how}`, (shop) => shop.read(pace, seconds)]);
      loads.push([`CreateOrder, ${how}`, (shop) => shop.order(pace, seconds)]);
    }
    for (const [title, load] of loads) {
      const results = await inRounds<string, Measured>(
        rounds,
        Object.fromEntries([...shops].map(([mesh, shop]) => [`MESH=${mesh}`, () => load(shop)])),
      );
      const of = (name: string, key: 'perSecond' | 'cpuMicros' | 'p50' | 'p99') =>
        median(results[name] ?? [], (row) => row[key]);
      printTable(
        [title, 'calls/s', 'CPU µs/call', 'of none', 'p50 ms', 'p99 ms'],
        Object.keys(results).map((name) => [
          ...[name, of(name, 'perSecond').toFixed(0), of(name, 'cpuMicros').toFixed(0)],
          times(of(name, 'cpuMicros'), of('MESH=none', 'cpuMicros')),
          ...[of(name, 'p50').toFixed(1), of(name, 'p99').toFixed(1)],
        ]),
      );
    }
    printTable(
      ['', 'memory MB'],
      [...shops].map(([mesh, shop]) => [`MESH=${mesh}`, processMemory(shop.pids()).toFixed(0)]),
    );
    console.log(`(of all processes, with ${replicas} instances of each service; goal: <= 1500)`);
  } finally {
    for (const shop of shops.values()) if (shop !== bench) await shop.stop();
  }
}
