import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { bigints, uuids } from '../../platform/db/arrays.ts';
import { QUEUE } from './boss-queue.ts';
import { serveTaking } from './taking.ts';

// The peer's consumer: jobs in batches, a row for each, in the transaction that completes them.
const [databaseUrl = ''] = process.argv.slice(2);
/** More of either is slower, or no faster, on a machine of two cores. */
const WORKERS = 2;
const BATCH = 500;
/** Where a fetch found nothing. */
const PAUSE_MS = 5;

const boss = new PgBoss({ connectionString: databaseUrl, max: 10 });
boss.on('error', console.error);
await boss.start();
const pool = new pg.Pool({ connectionString: databaseUrl, max: WORKERS });
const { tell, awake } = serveTaking();

async function work(): Promise<void> {
  for (;;) {
    await awake();
    const jobs = await boss.fetch<{ productId: string; version: number }>(QUEUE, { batchSize: BATCH });
    if (jobs.length === 0) {
      await sleep(PAUSE_MS);
      continue;
    }
    const numbers = jobs.map(({ data }) => data.version);
    const client = await pool.connect();
    await client.query('begin');
    await client.query({
      name: 'effects',
      text: 'insert into effects (subject, number) select * from unnest($1::uuid[], $2::bigint[])',
      values: [uuids(jobs.map(({ data }) => data.productId)), bigints(numbers.map(BigInt))],
    });
    const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
    await boss.complete(
      QUEUE,
      jobs.map(({ id }) => id),
      undefined,
      { db },
    );
    await client.query('commit');
    client.release();
    tell(numbers);
  }
}
for (let n = 0; n < WORKERS; n++) void work();
process.send?.('ready');
