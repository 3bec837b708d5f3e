import { sendingTo } from '../mesh/local/telemetry.ts';
import { startReceiver } from '../mesh/observability/receiver.ts';
import { type BenchShop, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { type Measured, measure } from './measure.ts';
import { inRounds, median } from './rounds.ts';
import { printTable } from './table.ts';

/** What telemetry costs GetProduct, in the service and in an Envoy: processor time of a call with and without it. */
export async function telemetry({ rounds, seconds, concurrency }: BenchConfig): Promise<void> {
  const receiver = await startReceiver();
  const shops: BenchShop[] = [];
  const start = async (options: Omit<Parameters<typeof startBenchShop>[0], 'mesh' | 'replicas'>) => {
    const shop = await startBenchShop({ mesh: 'gateway', replicas: 1, ...options });
    shops.push(shop);
    return shop;
  };
  try {
    const entry = () => new URL('unobserved-service.ts', import.meta.url).pathname;
    const nothing = await start({ entry });
    const metrics = await start({});
    const usual = await start({ telemetry: sendingTo(receiver, 0.1) });
    const all = await start({ telemetry: sendingTo(receiver, 1) });

    const load =
      ({ callers }: BenchShop, target: string, pid: number | undefined) =>
      () =>
        measure({ ...callers, method: 'GetProduct', targets: [target], pace: { concurrency }, seconds }, [
          pid ?? 0,
        ]);
    const direct = (bench: BenchShop) => {
      const product = bench.shop.instances.find(({ service }) => service === 'product');
      return load(bench, `127.0.0.1:${product?.port()}`, product?.running()?.identity.pid);
    };
    const envoy = (bench: BenchShop) =>
      load(bench, `127.0.0.1:${bench.shop.gatewayPort}`, bench.pidOf('envoy'));
    const results = await inRounds<string, Measured>(rounds, {
      'service: nothing': direct(nothing),
      'service: metrics': direct(metrics),
      'service: metrics, 10 % of traces': direct(usual),
      'service: metrics, all traces': direct(all),
      'Envoy: nothing': envoy(metrics),
      'Envoy: 10 % of traces': envoy(usual),
      'Envoy: all traces': envoy(all),
    });
    const cpu = (name: string) => median(results[name] ?? [], (row) => row.cpuMicros);
    printTable(
      ['', 'CPU µs/call', 'more', 'calls/s'],
      Object.entries(results).map(([name, rows]) => {
        const base = cpu(name.startsWith('Envoy') ? 'Envoy: nothing' : 'service: nothing');
        const more = `${((cpu(name) / base - 1) * 100).toFixed(1)} %`;
        return [name, cpu(name).toFixed(1), more, median(rows, (row) => row.perSecond).toFixed(0)];
      }),
    );
    console.log('(goal: at most 10 % more in the service at 10 % of traces)');
  } finally {
    for (const shop of shops) await shop.stop();
    await receiver.close();
  }
}
