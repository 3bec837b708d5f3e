import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { processMemory, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { type Measured, measure } from './measure.ts';
import type { Scenario } from './one-method-process.ts';
import { inRounds, median, times } from './rounds.ts';
import { printTable } from './table.ts';

/** What a call costs against a bare server, with one Envoy in front. */
export async function calls({ rounds, seconds, concurrency, replicas }: BenchConfig): Promise<void> {
  const bench = await startBenchShop({ mesh: 'gateway', replicas });
  const program = new URL('echo-server.ts', import.meta.url).pathname;
  const echo = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const idle = processMemory(bench.pids());
    const [port] = await once(echo.stdout, 'data');
    const product = bench.shop.instances.find(({ service }) => service === 'product');
    if (!product || !echo.pid) throw new Error('no product instance');
    const gateway = [`127.0.0.1:${bench.shop.gatewayPort}`];
    const call = (method: Scenario['method'], targets: string[], pids: number[]) => () =>
      measure({ ...bench.callers, method, targets, pace: { concurrency }, seconds }, pids);
    const results = await inRounds<string, Measured>(rounds, {
      'echo, bare grpc-js': call('GetProduct', [`127.0.0.1:${String(port).trim()}`], [echo.pid]),
      'GetProduct, direct': call(
        'GetProduct',
        [`127.0.0.1:${product.port()}`],
        [product.running()?.identity.pid ?? 0],
      ),
      'GetProduct, through Envoy': call('GetProduct', gateway, bench.pids()),
      'CreateOrder, through Envoy': call('CreateOrder', gateway, bench.pids()),
    });
    const base = results['echo, bare grpc-js'] ?? [];
    const baseRate = median(base, (row) => row.perSecond);
    const baseCpu = median(base, (row) => row.cpuMicros);
    printTable(
      ['', 'calls/s', 'of echo', 'CPU µs/call', 'of echo', 'p50 ms', 'p99 ms'],
      Object.entries(results).map(([name, rows]) => {
        const rate = median(rows, (row) => row.perSecond);
        const cpu = median(rows, (row) => row.cpuMicros);
        const [p50, p99] = [median(rows, (row) => row.p50), median(rows, (row) => row.p99)];
        return [
          ...[name, rate.toFixed(0), times(rate, baseRate), cpu.toFixed(0), times(cpu, baseCpu)],
          ...[p50.toFixed(2), p99.toFixed(2)],
        ];
      }),
    );
    console.log(
      '(CPU: of the one server when direct, else of every process of the shop, PostgreSQL included)',
    );
    console.log(`start of an empty shop: ${(bench.coldMs / 1000).toFixed(1)} s`);
    console.log(
      `memory: ${idle.toFixed(0)} MB idle, ${processMemory(bench.pids()).toFixed(0)} MB after the load`,
    );
  } finally {
    echo.kill();
    await bench.stop();
  }
}
