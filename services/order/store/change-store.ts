import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Listener, Sql } from '../../../platform/db/database.ts';
import type { OrderChange } from '../domain/order.ts';

/** Where to go on reading an order's changes. */
export interface ChangeCursor {
  readonly orderId: string;
  /** The last version that was read. */
  readonly after: bigint;
}

const CHANNEL = 'order_changes';
const MAX_READS = 256;
/** Changes that one read gives; there may be more behind them. */
const MAX_CHANGES = 100;
/** Ids in one notification: PostgreSQL takes less than 8,000 bytes. */
const MAX_TOLD = 200;
/** Watchers hear of a change this much later at most, in milliseconds, and notifications are so much fewer. */
const TOLD_EVERY_MS = 10;

/** The orders' changes, and the signal that there are new ones. */
export type ChangeStore = ReturnType<typeof createChangeStore>;

/** The store on `sql`. */
export function createChangeStore(sql: Sql) {
  async function read(cursors: ChangeCursor[]): Promise<OrderChange[][]> {
    // Many watchers of one order ask for the same.
    const keys = cursors.map(({ orderId, after }) => `${orderId}/${after}`);
    const distinct = [...new Map(cursors.map((cursor, index) => [keys[index] as string, cursor])).entries()];
    const rows = await sql<(OrderChange & { asked: bigint })[]>`
      select asked, c.order_id as "orderId", version, state, currency, total, changed_at as "changedAt"
      from unnest(
        ${distinct.map(([, { orderId }]) => orderId)}::uuid[],
        ${distinct.map(([, { after }]) => String(after))}::bigint[]
      ) with ordinality as g (order_id, after, asked)
      cross join lateral (
        select * from order_changes
        where order_id = g.order_id and version > g.after order by version limit ${MAX_CHANGES}
      ) c
      order by asked, version`;
    const found = new Map<string, OrderChange[]>(distinct.map(([key]) => [key, []]));
    for (const { asked, ...change } of rows) found.get(distinct[Number(asked) - 1]?.[0] ?? '')?.push(change);
    return keys.map((key) => found.get(key) ?? []);
  }

  async function tell(orderIds: string[]): Promise<undefined[]> {
    await sql`select pg_notify(${CHANNEL}, ${[...new Set(orderIds)].join(',')})`;
    return orderIds.map(() => undefined);
  }

  return {
    /** The next changes after the cursor, in the order of their versions; empty when there is none yet. */
    after: createBatcher({ run: read, maxSize: MAX_READS }),

    /**
     * Tells every replica's watchers that an order has changed. To be called after the commit: within it, the lock
     * that NOTIFY takes would line up all writers. Orders that change at the same time share one notification.
     */
    tell: createBatcher({ run: tell, maxSize: MAX_TOLD, gatherMs: TOLD_EVERY_MS }),

    /**
     * Calls `changed` with the ids of orders that changed, and `connected` each time that listening begins: what
     * happened before that went unheard. One connection, that comes back by itself.
     */
    listen: (changed: (orderIds: string[]) => void, connected: () => void): Listener =>
      sql.listen(CHANNEL, (ids) => changed(ids.split(',')), connected),
  };
}
