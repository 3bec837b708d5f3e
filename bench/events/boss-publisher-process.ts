import { PgBoss } from 'pg-boss';
import { idOf, PRODUCTS } from '../fixture.ts';
import { QUEUE } from './boss-queue.ts';
import { servePublishing } from './publishing.ts';

// The peer's publisher: the same data as jobs, as many in one statement as ours in one transaction.
const [databaseUrl = ''] = process.argv.slice(2);
const boss = new PgBoss({ connectionString: databaseUrl, max: 10, supervise: false, schedule: false });
boss.on('error', console.error);
await boss.start();
await boss.createQueue(QUEUE);

servePublishing((numbers) =>
  boss
    .insert(
      QUEUE,
      numbers.map((number) => {
        const productId = idOf((number % PRODUCTS) + 1);
        return { data: { productId, name: `Lamp ${number}`, version: number } };
      }),
    )
    .then(() => {}),
);
process.send?.('ready');
