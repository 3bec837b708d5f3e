import { type BenchShop, inDatabase } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { assertConsistent } from './consistent.ts';
import { fillOrders, fillStock, fillWallets } from './fill.ts';
import type { Measured } from './measure.ts';
import { inRounds, median, times } from './rounds.ts';
import { printTable } from './table.ts';

const SETTLE_S = 12;

/** What an order costs with a thousand orders in the tables, and with a million. */
export async function growth(
  bench: BenchShop,
  { orders, rounds, seconds, concurrency }: BenchConfig,
): Promise<void> {
  const measureAt = async (): Promise<{ count: number; rows: Measured[] }> => {
    const count = await inDatabase(bench.shop, 'order', async (client) =>
      Number((await client.query('select count(*) from orders')).rows[0]?.count),
    );
    // Caches, and what PostgreSQL still writes of the filling.
    await bench.order({ concurrency }, SETTLE_S);
    const { growth: rows } = await inRounds(rounds, {
      growth: () => bench.order({ concurrency }, seconds),
    });
    return { count, rows };
  };
  const before = await measureAt();
  process.stderr.write(`filling the tables with ${orders} orders`);
  await inDatabase(bench.shop, 'order', (client) => fillOrders(client, orders));
  await inDatabase(bench.shop, 'product', (client) => fillStock(client, orders));
  await inDatabase(bench.shop, 'user', (client) => fillWallets(client, orders));
  await assertConsistent(bench);
  process.stderr.write('\r\x1b[K');
  const after = await measureAt();
  const cpu = ({ rows }: typeof before) => median(rows, (row) => row.cpuMicros);
  printTable(
    ['orders in the tables', 'orders/s', 'CPU µs/order', 'p50 ms', 'p99 ms'],
    [before, after].map(({ count, rows }) => [
      ...[String(count), median(rows, (row) => row.perSecond).toFixed(0)],
      median(rows, (row) => row.cpuMicros).toFixed(0),
      ...[median(rows, (row) => row.p50).toFixed(1), median(rows, (row) => row.p99).toFixed(1)],
    ]),
  );
  console.log(`the same order costs ${times(cpu(after), cpu(before))} times as much CPU (goal: 1)`);
}
