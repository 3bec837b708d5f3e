import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Sql } from '../../../platform/db/database.ts';
import { LEASE_SECONDS } from '../../../platform/transaction/log.ts';
import type { Basket } from '../domain/lines.ts';
import type { Order } from '../domain/order.ts';
import { fromLines, type OrderRow, toOrder } from './order-row.ts';

/** An order, and whether its owner has deleted it. */
export interface StoredOrder {
  readonly order: Order;
  readonly deleted: boolean;
}

/** How to cancel an order. */
export interface Cancellation {
  readonly transactionId: string;
  readonly orderId: string;
  /** Only this version. Undefined: whichever. */
  readonly version: bigint | undefined;
  /** Whether to delete it in the same stroke. */
  readonly hide: boolean;
}

const MAX_BATCH = 256;

/** Orders once they are placed. */
export type OrderStore = ReturnType<typeof createOrderStore>;

/** The store on `sql`. */
export function createOrderStore(sql: Sql) {
  const columns = sql`
    id, user_id as "userId", state, version, lines, currency, total, reject_reason as "rejectReason",
    created_at as "createdAt", updated_at as "updatedAt"`;
  type Row = OrderRow & { deleted: boolean };

  async function read(ids: string[]): Promise<(StoredOrder | undefined)[]> {
    const rows = await sql<Row[]>`
      select ${columns}, deleted_at is not null as deleted from orders where id = any (${ids}::uuid[])`;
    const found = new Map(rows.map((row) => [row.id, { order: toOrder(row), deleted: row.deleted }]));
    return ids.map((id) => found.get(id));
  }

  return {
    /** Reads one; those that are asked for at the same time share a statement. The id is in lower case. */
    get: createBatcher({ run: read, maxSize: MAX_BATCH, maxInFlight: 2 }),

    /**
     * The decision about a RUNNING transaction that replaces a placed order's lines: order in its next version and
     * transaction COMMITTING, if the order still is in `version`; else transaction ROLLING_BACK. Undefined: the latter,
     * or it was decided before.
     */
    async replaceLines(
      transactionId: string,
      orderId: string,
      version: bigint,
      { lines, total }: Basket,
    ): Promise<Order | undefined> {
      const rows = await sql<OrderRow[]>`
        with current as (
          select id from transactions where id = ${transactionId} and state = 'RUNNING' for update
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
     * The decision of a cancellation: order CANCELLED, transaction made as COMMITTING. Undefined, and nothing is
     * made, when the order is not PLACED or in another version.
     */
    async cancel({ transactionId, orderId, version, hide }: Cancellation): Promise<Order | undefined> {
      const rows = await sql<OrderRow[]>`
        with cancelled as (
          update orders
          set state = 'CANCELLED', version = version + 1, updated_at = now(),
            deleted_at = case when ${hide}::boolean then now() end
          where id = ${orderId} and state = 'PLACED' and deleted_at is null
            ${version === undefined ? sql`` : sql`and version = ${version}`}
          returning *
        ), told as (
          insert into order_changes (order_id, version, state, currency, total)
          select id, version, state, currency, total from cancelled
        ), started as (
          insert into transactions (id, kind, entity_id, state, lease_until)
          select ${transactionId}, 'cancel-order', id, 'COMMITTING', now() + ${LEASE_SECONDS} * interval '1 second'
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
