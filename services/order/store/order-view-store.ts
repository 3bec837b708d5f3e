import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Sql } from '../../../platform/db/database.ts';
import type { OrderState, OrderView } from '../domain/order.ts';
import { type OrderRow, orderColumns, toOrder } from './order-row.ts';
import type { StoredOrder } from './order-store.ts';

/** Which orders to list. */
export interface OrderFilter {
  /** Undefined: everybody's. */
  readonly userId: string | undefined;
  /** Empty: in any state. */
  readonly states: readonly OrderState[];
  /** Only those before this id. Undefined: from the newest. */
  readonly before: string | undefined;
  readonly limit: number;
}

type Row = OrderRow & Pick<OrderView, 'customerName' | 'productNames'>;

const MAX_BATCH = 256;

/** Orders as they are shown. */
export type OrderViews = ReturnType<typeof createOrderViews>;

/** The views on `sql`. */
export function createOrderViews(sql: Sql) {
  const columns = orderColumns(sql);
  // Each name is looked up by its key: a join might read all copies for one order.
  const names = sql`
    coalesce((select name from user_copies where id = orders.user_id), '') as "customerName",
    array(
      select coalesce((select name from product_copies where id = (line.value ->> 'productId')::uuid), '')
      from jsonb_array_elements(orders.lines) with ordinality as line order by line.ordinality
    ) as "productNames"`;

  async function read(ids: string[]): Promise<(StoredOrder<OrderView> | undefined)[]> {
    // The ids as a query: to the planner they are as many each time, so that it plans once. That takes longer than to
    // read the names (measured).
    const rows = await sql<(Row & { deleted: boolean })[]>`
      select ${columns}, ${names}, deleted_at is not null as deleted
      from orders where id in (select unnest((select ${ids}::uuid[])))`;
    const found = new Map(rows.map((row) => [row.id, { order: toView(row), deleted: row.deleted }]));
    return ids.map((id) => found.get(id));
  }

  return {
    /** Reads one; those that are asked for at the same time share a statement. The id is in lower case. */
    get: createBatcher({ run: read, maxSize: MAX_BATCH }),

    /** Orders that were not deleted, newest first. */
    async list({ userId, states, before, limit }: OrderFilter): Promise<OrderView[]> {
      const rows = await sql<Row[]>`
        select ${columns}, ${names}
        from (
          select * from orders
          where deleted_at is null
            ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
            ${states.length === 0 ? sql`` : sql`and state = any (${states as OrderState[]})`}
            ${before === undefined ? sql`` : sql`and id < ${before}`}
          order by id desc limit ${limit}
        ) orders
        order by id desc`;
      return rows.map(toView);
    },
  };
}

const toView = (row: Row): OrderView => ({
  ...toOrder(row),
  customerName: row.customerName,
  productNames: row.productNames,
});
