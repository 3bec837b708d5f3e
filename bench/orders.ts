import type { BenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { type OrderRate, startDbos } from './dbos.ts';
import { HOW_TO_INSTALL, isInstalled, runPgbench } from './pgbench.ts';
import { inRounds, median, times } from './rounds.ts';
import { makeScratchDatabase } from './scratch-database.ts';
import { printTable } from './table.ts';

/** pgbench with as many connections as serve two cores best, beside the one that has as many as there are orders. */
const FEW_CONNECTIONS = 16;

/**
 * Orders a second against two others on the same PostgreSQL: pgbench, which sends the same statements an order at a time
 * and nothing else, is what the database alone could do; DBOS runs the same steps as a durable workflow.
 */
export async function orders(bench: BenchShop, config: BenchConfig): Promise<void> {
  const { rounds, seconds, concurrency, pgbench: program } = config;
  const url = await makeScratchDatabase(bench.shop);
  const postgres = bench.postgres();
  const dbos = await startDbos(url, postgres);
  try {
    const souk = () => bench.order({ concurrency }, seconds);
    const limit = (connections: number) => () => runPgbench({ program, url, postgres }, connections, seconds);
    const installed = isInstalled(program);
    if (!installed) console.log(HOW_TO_INSTALL);
    const results = await inRounds<string, OrderRate & { p50?: number; p99?: number }>(rounds, {
      'Souk, MESH=none': souk,
      ...(installed && {
        [`pgbench, ${FEW_CONNECTIONS} connections`]: limit(FEW_CONNECTIONS),
        [`pgbench, ${concurrency} connections`]: limit(concurrency),
      }),
      DBOS: () => dbos.measure(concurrency, seconds),
    });
    const rate = (name: string) => median(results[name] ?? [], (row) => row.perSecond);
    const own = rate('Souk, MESH=none');
    printTable(
      ['', 'orders/s', 'Souk is', 'goal', 'CPU µs/order', 'p50 ms', 'p99 ms'],
      Object.entries(results).map(([name, rows]) => [
        name,
        rate(name).toFixed(0),
        `${times(own, rate(name))} times`,
        goalFor(name),
        median(rows, (row) => row.cpuMicros).toFixed(0),
        ...(['p50', 'p99'] as const).map((key) => {
          const value = median(rows, (row) => row[key] ?? Number.NaN);
          return Number.isNaN(value) ? '' : value.toFixed(1);
        }),
      ]),
    );
    console.log(`(${concurrency} orders under way; CPU: of all processes, PostgreSQL included)`);
  } finally {
    dbos.stop();
  }
}

function goalFor(name: string): string {
  if (name.startsWith('pgbench')) return '>= 1.0';
  return name === 'DBOS' ? '>= 8' : '';
}
