import type { Sql } from '../../../platform/db/database.ts';
import type { Order, OrderState } from '../domain/order.ts';
import { type OrderRow, toOrder } from './order-row.ts';

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

/** Orders that were not deleted, newest first. */
export async function listOrders(sql: Sql, filter: OrderFilter): Promise<Order[]> {
  const { userId, states, before, limit } = filter;
  const rows = await sql<OrderRow[]>`
    select id, user_id as "userId", state, version, lines, currency, total, reject_reason as "rejectReason",
      created_at as "createdAt", updated_at as "updatedAt"
    from orders
    where deleted_at is null
      ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
      ${states.length === 0 ? sql`` : sql`and state = any (${states as OrderState[]})`}
      ${before === undefined ? sql`` : sql`and id < ${before}`}
    order by id desc limit ${limit}`;
  return rows.map(toOrder);
}
