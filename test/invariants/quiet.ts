import { setTimeout as sleep } from 'node:timers/promises';
import type { Shop } from '../../mesh/local/shop.ts';
import { withDatabases } from './databases.ts';
import { eventsTaken } from './events-taken.ts';
import { nothingHeld } from './nothing-held.ts';
import { transactionsClosed } from './transactions-closed.ts';

/** A shop that is looked at: one that was started here, or one that only its databases are known of. */
export type Watched = Pick<Shop, 'databaseUrl'> & Partial<Pick<Shop, 'instances'>>;

/**
 * Waits until all instances serve, no transaction is open, nothing is held and every event has been taken, `timeoutMs`
 * at most. Tells what was left then; nothing, if the shop has become quiet.
 */
export async function untilQuiet(shop: Watched, timeoutMs: number): Promise<string[]> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = await unrest(shop);
    if (left.length === 0 || Date.now() > end) return left;
    await sleep(250);
  }
}

async function unrest(shop: Watched): Promise<string[]> {
  const instances = shop.instances ?? [];
  const down = instances.filter((one) => !one.serving()).map(({ name }) => `${name} does not serve`);
  try {
    const given = { stock: new Map(), credit: new Map() };
    const open = await withDatabases(shop, async (databases) => [
      ...(await transactionsClosed.violations(databases, given)),
      ...(await nothingHeld.violations(databases, given)),
      ...(await eventsTaken.violations(databases, given)),
    ]);
    return [...down, ...open];
  } catch (error) {
    return [...down, `the databases: ${error instanceof Error ? error.message : String(error)}`];
  }
}
