import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Sql } from '../../../platform/db/database.ts';
import { insertEvents } from '../../../platform/events/outbox.ts';
import { LEASE_SECONDS, type TransactionRef } from '../../../platform/transaction/log.ts';
import type { Difference } from '../domain/difference.ts';
import type { Basket } from '../domain/lines.ts';
import type { Order } from '../domain/order.ts';
import { orderCancelled, orderUpdated } from '../order-events.ts';
import { fromLines, type OrderRow, orderColumns, toOrder } from './order-row.ts';

/** An order, and whether its owner has deleted it. */
export interface StoredOrder<Known extends Order = Order> {
  readonly order: Known;
  readonly deleted: boolean;
}

/** How to replace a placed order's lines. */
export interface Replacement {
  /** The order's version before. */
  readonly version: bigint;
  readonly basket: Basket;
  readonly userId: string;
  /** What is different. */
  readonly moved: Pick<Difference, 'take' | 'giveBack'>;
}

const MAX_BATCH = 256;

/** Orders once they are placed. What the service publishes of a change is in the change's commit. */
export type OrderStore = ReturnType<typeof createOrderStore>;

/** The store on `sql`. */
export function createOrderStore(sql: Sql) {
  const columns = orderColumns(sql);
  type Row = OrderRow & { deleted: boolean };

  async function read(ids: string[]): Promise<(StoredOrder | undefined)[]> {
    const rows = await sql<Row[]>`
      select ${columns}, deleted_at is not null as deleted from orders where id = any (${ids}::uuid[])`;
    const found = new Map(rows.map((row) => [row.id, { order: toOrder(row), deleted: row.deleted }]));
    return ids.map((id) => found.get(id));
  }

  return {
    /** Reads one; those that are asked for at the same time share a statement. The id is in lower case. */
    get: createBatcher({ run: read, maxSize: MAX_BATCH }),

    /**
     * The decision about a RUNNING transaction that replaces a placed order's lines: order in its next version and
     * transaction COMMITTING, if the order still is in `version`; else transaction ROLLING_BACK. Undefined: the latter,
     * or it was decided before.
     */
    async replaceLines(transaction: TransactionRef, change: Replacement): Promise<Order | undefined> {
      const { id, entityId: orderId, traceparent } = transaction;
      const { version, basket, userId, moved } = change;
      const { lines, total } = basket;
      const event = orderUpdated({ ...basket, orderId, userId, version: version + 1n, traceparent }, moved);
      const rows = await sql<OrderRow[]>`
        with current as (
          select id from transactions where id = ${id} and state = 'RUNNING' for update
        ), changed as (
          update orders
          set lines = ${fromLines(lines)}::jsonb, total = ${total}, version = version + 1, updated_at = now(),
            placed_lines = coalesce(placed_lines, lines)
          from current
          where orders.id = ${orderId} and version = ${version} and state = 'PLACED' and deleted_at is null
          returning orders.*
        ), told as (
          insert into order_changes (order_id, version, state, currency, total)
          select id, version, state, currency, total from changed
        ), published as (
          ${insertEvents(sql, [event], sql`select id from changed`)}
        ), decided as (
          update transactions t
          set state = case when exists (select from changed) then 'COMMITTING' else 'ROLLING_BACK' end,
            updated_at = now(), lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
          from current where t.id = current.id
        )
        select ${columns} from changed`;
      return rows[0] && toOrder(rows[0]);
    },

    /**
     * The decision of a cancellation: order CANCELLED, transaction made as COMMITTING; with `hide`, the order is
     * deleted in the same stroke. Undefined, and nothing is made, when it no longer is PLACED in that version.
     */
    async cancel(transaction: TransactionRef, order: Order, hide: boolean): Promise<Order | undefined> {
      const { id, entityId: orderId, traceparent } = transaction;
      const { userId, lines, version } = order;
      const event = orderCancelled({ orderId, userId, lines, version: version + 1n, traceparent });
      const rows = await sql<OrderRow[]>`
        with cancelled as (
          update orders
          set state = 'CANCELLED', version = version + 1, updated_at = now(),
            deleted_at = case when ${hide}::boolean then now() end
          where id = ${orderId} and version = ${version} and state = 'PLACED' and deleted_at is null
          returning *
        ), told as (
          insert into order_changes (order_id, version, state, currency, total)
          select id, version, state, currency, total from cancelled
        ), published as (
          ${insertEvents(sql, [event], sql`select id from cancelled`)}
        ), started as (
          insert into transactions (id, kind, entity_id, state, traceparent, lease_until)
          select ${id}, 'cancel-order', id, 'COMMITTING', ${traceparent},
            now() + ${LEASE_SECONDS} * interval '1 second'
          from cancelled
        )
        select ${columns} from cancelled`;
      return rows[0] && toOrder(rows[0]);
    },

    /** Deletes an order in a final state, if it isn't yet. */
    async hide(orderId: string): Promise<void> {
      await sql`
        update orders set deleted_at = now()
        where id = ${orderId} and deleted_at is null and state in ('REJECTED', 'CANCELLED')`;
    },
  };
}
