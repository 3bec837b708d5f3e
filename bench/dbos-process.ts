import { randomUUID } from 'node:crypto';
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';
import { uuidv7 } from '../platform/id.ts';
import { CUSTOMERS, idOf, PRODUCTS } from './fixture.ts';
import { type OrderIds, orderStatements, type Step, withIds } from './statements.ts';

// The peer: the steps of CreateOrder as a workflow of DBOS, each with the services' own statement. It runs until its
// parent is gone; each message {concurrency, seconds} is a closed loop, answered with {orders, perSecond}.
const [scratchUrl = '', systemUrl = ''] = process.argv.slice(2);
/** To each of the two databases: more than are of use on a machine of two cores. */
const CONNECTIONS = 32;

const statements = await orderStatements();
const pool = new pg.Pool({ connectionString: scratchUrl, max: CONNECTIONS });

const placeOrder = DBOS.registerWorkflow(
  async (ids: OrderIds) => {
    const step = (name: Step) => {
      const { text, values } = statements[name];
      const run = async () => {
        await pool.query({ name, text, values: withIds(values, ids) });
      };
      return DBOS.runStep(run, { name });
    };
    await step('read');
    await step('begin');
    await Promise.all([step('reserve'), step('hold')]);
    await step('place');
    await Promise.all([step('confirmStock'), step('confirmHold')]);
    await step('progress');
  },
  { name: 'placeOrder' },
);

DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: systemUrl,
  systemDatabasePoolSize: CONNECTIONS,
  logLevel: 'error',
});
await DBOS.launch();

let begun = 0;
process.on('message', async ({ concurrency, seconds }: { concurrency: number; seconds: number }) => {
  const start = performance.now();
  let orders = 0;
  const caller = async () => {
    while (performance.now() < start + seconds * 1000) {
      const n = begun++;
      await placeOrder({
        order: uuidv7(),
        transaction: uuidv7(),
        request: randomUUID(),
        user: idOf((n % CUSTOMERS) + 1),
        product: idOf(((n * 7) % PRODUCTS) + 1),
      });
      orders++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  process.send?.({ orders, perSecond: (orders / (performance.now() - start)) * 1000 });
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
