import { randomBytes } from 'node:crypto';
import type { BenchConfig } from './config.ts';
import { type Flow, type Pipeline, startPipeline } from './events/pipeline.ts';
import { type EventServers, run, startEventServers } from './events/servers.ts';
import { inRounds, median, medianTimes } from './rounds.ts';
import { printTable } from './table.ts';

/** There is nothing that a snapshot could hold. */
const FROM_THE_START =
  "insert into event_positions (publisher, partition, position) select 'product', n, 0 from generate_series(0, 7) as n";
/** The steady rates at which the lag is measured: as lone calls write, and as gathered ones do. */
const STEADY = [
  { perSecond: 1_000, perTransaction: 1 },
  { perSecond: 1_000, perTransaction: 10 },
] as const;
const EMBEDDED = 'embedded';
const PEER = 'pg-boss';

/**
 * Events from one service's commit to their effect in another one's database, by both transports; and pg-boss, which
 * does the same with a queue in one database.
 */
export async function events({ rounds, seconds }: BenchConfig): Promise<void> {
  const servers = await startEventServers();
  const pipelines: Record<string, Pipeline> = {};
  try {
    pipelines[EMBEDDED] = await startOwn(servers, EMBEDDED);
    if (servers.broker) pipelines['NATS JetStream'] = await startOwn(servers, 'nats', servers.broker);
    else console.log('Skipped: NATS JetStream. There is no nats-server: "make install-nats" brings it.');
    pipelines[PEER] = await startPeer(servers);
    const all = Object.entries(pipelines);
    const subjects = all.flatMap(([name, pipeline]) => [
      [name, () => pipeline.measure({ seconds })] as const,
      ...STEADY.map(
        (steady) => [steadily(name, steady), () => pipeline.measure({ seconds, steady })] as const,
      ),
    ]);
    const results = await inRounds<string, Flow>(rounds, Object.fromEntries(subjects));
    for (const [name, pipeline] of all) {
      delete pipelines[name];
      await pipeline.stop();
    }
    print(
      all.map(([name]) => name),
      results,
    );
  } finally {
    await Promise.allSettled(Object.values(pipelines).map((pipeline) => pipeline.stop()));
    await servers.stop();
  }
}

const steadily = (name: string, { perSecond, perTransaction }: (typeof STEADY)[number]) =>
  `${name}, ${perSecond} a second, ${perTransaction} a transaction`;

async function startOwn(
  servers: EventServers,
  name: string,
  broker?: EventServers['broker'],
): Promise<Pipeline> {
  const secret = randomBytes(16).toString('hex');
  const published = await servers.makeDatabase(`product_${name}`);
  const taken = await servers.makeDatabase(`order_${name}`);
  await run(taken, FROM_THE_START);
  const { url = '', pid } = broker ?? {};
  return startPipeline({
    publisher: ['publisher-process.ts', published, url, secret],
    consumer: ['consumer-process.ts', taken, url, secret],
    databaseUrl: taken,
    servers: [servers.postgres, ...(pid === undefined ? [] : [pid])],
  });
}

async function startPeer(servers: EventServers): Promise<Pipeline> {
  const databaseUrl = await servers.makeDatabase('boss');
  return startPipeline({
    publisher: ['boss-publisher-process.ts', databaseUrl],
    consumer: ['boss-consumer-process.ts', databaseUrl],
    databaseUrl,
    servers: [servers.postgres],
  });
}

function print(names: readonly string[], results: Record<string, Flow[]>): void {
  const of = (name: string, key: keyof Flow) => median(results[name] ?? [], (row) => row[key]);
  printTable(
    ['as fast as they are taken', 'events/s', `of ${PEER}`, 'goal', 'CPU µs/event', `of ${PEER}`, 'goal'],
    names.map((name) => {
      const ofPeer = (key: 'perSecond' | 'cpuMicros') =>
        medianTimes(results[name] ?? [], results[PEER] ?? [], (row) => row[key]);
      const own = name !== PEER;
      return [
        ...[name, of(name, 'perSecond').toFixed(0), ofPeer('perSecond'), own ? '>= 2.5' : ''],
        ...[of(name, 'cpuMicros').toFixed(0), ofPeer('cpuMicros'), own ? '<= 0.33' : ''],
      ];
    }),
  );
  console.log(
    "(CPU: of both processes, PostgreSQL and the broker)\n\nFrom a transaction's commit to its effect's\n",
  );
  printTable(
    ['', 'p50 ms', 'p99 ms', 'goal', 'CPU µs/event', 'taken by the host'],
    names.flatMap((name) =>
      STEADY.map((steady) => {
        const row = steadily(name, steady);
        return [
          ...[row, of(row, 'p50').toFixed(1), of(row, 'p99').toFixed(1)],
          ...[name === EMBEDDED ? '< 10' : '', of(row, 'cpuMicros').toFixed(0)],
          `${(of(row, 'stolen') * 100).toFixed(1)} %`,
        ];
      }),
    ),
  );
}
