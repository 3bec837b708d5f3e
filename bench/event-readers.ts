import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { secretsIn } from '../mesh/local/secrets.ts';
import { type BenchShop, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { makeDatabase, run } from './events/servers.ts';
import type { Measured } from './measure.ts';
import { inRounds, median, times } from './rounds.ts';
import { printTable } from './table.ts';

/** Beside the product service, which counts sales. */
const MORE = 2;
const WARM_UP_S = 5;
/** How long a reader may be behind at the end. */
const PATIENCE_MS = 10_000;

/** What three readers of the order service's events, with what they make of them, cost an order. */
export async function eventReaders({ rounds, seconds, concurrency, replicas }: BenchConfig): Promise<void> {
  const entry = () => new URL('events/unread-service.ts', import.meta.url).pathname;
  const shops: BenchShop[] = [];
  const readers: Reader[] = [];
  try {
    const unread = await startBenchShop({ mesh: 'none', replicas, entry });
    shops.push(unread);
    const read = await startBenchShop({ mesh: 'none', replicas });
    shops.push(read);
    for (let n = 1; n <= MORE; n++) readers.push(await startReader(read, n));
    const pids = readers.map(({ child }) => child.pid ?? 0);
    const order = (bench: BenchShop, more: readonly number[]) => () =>
      bench.order({ concurrency }, seconds, more);
    for (const bench of shops) await bench.order({ concurrency }, Math.min(WARM_UP_S, 2 * seconds));
    const results = await inRounds<string, Measured>(rounds, {
      'nobody reads': order(unread, []),
      'three read': order(read, pids),
    });
    await expectRead(
      read,
      readers.map(({ url }) => url),
    );
    const of = (name: string, key: 'perSecond' | 'cpuMicros' | 'p50' | 'p99') =>
      median(results[name] ?? [], (row) => row[key]);
    const grown = (key: 'perSecond' | 'cpuMicros') => times(of('three read', key), of('nobody reads', key));
    printTable(
      ['CreateOrder', 'orders/s', 'CPU µs/order', 'p50 ms', 'p99 ms'],
      Object.keys(results).map((name) => [
        ...[name, of(name, 'perSecond').toFixed(0), of(name, 'cpuMicros').toFixed(0)],
        ...[of(name, 'p50').toFixed(1), of(name, 'p99').toFixed(1)],
      ]),
    );
    console.log(
      `with three readers CPU is ${grown('cpuMicros')} times as much (goal: <= 1.1), the rate ${grown('perSecond')} times`,
    );
    console.log("(CPU: of all processes, the readers' own included, and PostgreSQL)");
  } finally {
    for (const { child } of readers) child.disconnect();
    for (const bench of shops) await bench.stop();
  }
}

interface Reader {
  readonly child: ChildProcess;
  /** Of its database. */
  readonly url: string;
}

async function startReader({ shop }: BenchShop, n: number): Promise<Reader> {
  const admin = new URL(shop.databaseUrl('order'));
  const secrets = secretsIn(shop.paths.secrets);
  admin.username = 'postgres';
  admin.password = secrets('postgres');
  const url = await makeDatabase(admin.href, `reader_${n}`, 'inbox.sql');
  const program = new URL('events/order-reader-process.ts', import.meta.url).pathname;
  const child = fork(program, [url, secrets('user-service-token'), shop.addresses.order ?? ''], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return { child, url };
}

/** Throws if a reader has not taken effect of each order. */
async function expectRead({ shop }: BenchShop, urls: readonly string[]): Promise<void> {
  const count = async (url: string, text: string) => (await run(url, text))[0]?.count;
  const placed = await count(
    shop.databaseUrl('order'),
    `select count(*)::integer as count from orders where state = 'PLACED'`,
  );
  for (const url of urls) {
    const read = () => count(url, 'select count(*)::integer as count from effects');
    for (const end = Date.now() + PATIENCE_MS; (await read()) !== placed; await sleep(100)) {
      if (Date.now() > end) throw new Error(`a reader has seen ${await read()} of ${placed} orders`);
    }
  }
}
