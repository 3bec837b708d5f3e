import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { secretsIn } from '../mesh/local/secrets.ts';
import { type BenchShop, startBenchShop } from './bench-shop.ts';
import type { BenchConfig } from './config.ts';
import { cpuSeconds } from './cpu.ts';
import { type EventServers, run, startEventServers } from './events/servers.ts';
import type { Measured } from './measure.ts';
import type { Pace } from './one-method.ts';
import { inRounds, median, medianTimes } from './rounds.ts';
import { printTable } from './table.ts';

/** A service that follows the order service's events, with a database of its own. */
interface Reader {
  readonly child: ChildProcess;
  readonly databaseUrl: string;
}

/** With what the readers themselves used for each order, in microseconds. */
type Read = Measured & { readonly readersMicros: number };

const READERS = 3;
const STEADY = { unread: 'nobody reads, at one rate', read: 'three read, at the same' };
const FASTEST = { unread: 'nobody reads, as fast as it goes', read: 'three read, as fast as it goes' };
const WARM_UP_S = 6;
/** How long a reader may be behind at the end. */
const PATIENCE_MS = 10_000;

/** What three readers of the order service's events cost an order: two shops that are the same but for these. */
export async function eventReaders({ rounds, seconds, concurrency, replicas }: BenchConfig): Promise<void> {
  const entry = () => new URL('events/unread-service.ts', import.meta.url).pathname;
  // What they make of events is not CreateOrder's cost, and so not on its server.
  const servers = await startEventServers(false);
  const shops: BenchShop[] = [];
  const readers: Reader[] = [];
  try {
    for (let n = 0; n < 2; n++) shops.push(await startBenchShop({ mesh: 'none', replicas, entry }));
    const [unread, read] = shops as [BenchShop, BenchShop];
    for (let n = 1; n <= READERS; n++) readers.push(await startReader(read, servers, n));
    for (const bench of shops) await bench.order({ concurrency }, Math.min(WARM_UP_S, 2 * seconds));
    const { perSecond: highest } = await read.order({ concurrency }, seconds);
    const pids = [servers.postgres, ...readers.map(({ child }) => child.pid ?? 0)];
    const order = async (bench: BenchShop, pace: Pace): Promise<Read> => {
      const before = cpuSeconds(pids);
      const measured = await bench.order(pace, seconds);
      return { ...measured, readersMicros: ((cpuSeconds(pids) - before) / measured.calls) * 1e6 };
    };
    const results = await inRounds<string, Read>(rounds, {
      // At one rate: gathered orders cost less, and the readers leave less of the machine to gather them.
      [STEADY.unread]: () => order(unread, { perSecond: highest / 2 }),
      [STEADY.read]: () => order(read, { perSecond: highest / 2 }),
      [FASTEST.unread]: () => order(unread, { concurrency }),
      [FASTEST.read]: () => order(read, { concurrency }),
    });
    for (const reader of readers) await expectAll(read, reader);
    print(results);
  } finally {
    for (const { child } of readers) child.disconnect();
    for (const bench of shops) await bench.stop();
    await servers.stop();
  }
}

async function startReader({ shop }: BenchShop, servers: EventServers, n: number): Promise<Reader> {
  const databaseUrl = await servers.makeDatabase(`reader_${n}`);
  const token = secretsIn(shop.paths.secrets)('user-service-token');
  const program = new URL('events/order-reader-process.ts', import.meta.url).pathname;
  const child = fork(program, [databaseUrl, token, shop.addresses.order ?? ''], {
    // What it logs is on stdout.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return { child, databaseUrl };
}

/** Throws if a reader has not taken effect of each order. */
async function expectAll({ shop }: BenchShop, { databaseUrl }: Reader): Promise<void> {
  const count = async (url: string, text: string) => Number((await run(url, text))[0]?.count);
  const placed = await count(shop.databaseUrl('order'), "select count(*) from orders where state = 'PLACED'");
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await count(databaseUrl, 'select count(*) from effects');
    if (seen === placed) return;
    if (Date.now() > end) throw new Error(`a reader has seen ${seen} of ${placed} orders`);
    await sleep(100);
  }
}

function print(results: Record<string, Read[]>): void {
  const of = (name: string, key: 'perSecond' | 'cpuMicros' | 'readersMicros' | 'p50' | 'p99') =>
    median(results[name] ?? [], (row) => row[key]);
  printTable(
    ['CreateOrder', 'orders/s', 'CPU µs/order', "readers' own", 'p50 ms', 'p99 ms'],
    Object.keys(results).map((name) => [
      ...[name, of(name, 'perSecond').toFixed(0), of(name, 'cpuMicros').toFixed(0)],
      ...[of(name, 'readersMicros').toFixed(0), of(name, 'p50').toFixed(1), of(name, 'p99').toFixed(1)],
    ]),
  );
  const grown = (key: 'perSecond' | 'cpuMicros', { unread, read } = STEADY) =>
    medianTimes(results[read] ?? [], results[unread] ?? [], (row) => row[key]);
  console.log(
    `at one rate an order costs ${grown('cpuMicros')} times as much with three readers (goal: <= 1.1); as fast as it ` +
      `goes ${grown('cpuMicros', FASTEST)} times, at ${grown('perSecond', FASTEST)} of the rate, as the readers work ` +
      'on the same machine',
  );
  console.log(
    "(CPU: of the shop with its PostgreSQL; the readers' own: of their processes and their PostgreSQL)",
  );
}
