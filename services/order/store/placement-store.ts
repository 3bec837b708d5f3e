import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Sql } from '../../../platform/db/database.ts';
import { insertEvents } from '../../../platform/events/outbox.ts';
import { LEASE_SECONDS, type TransactionRef } from '../../../platform/transaction/log.ts';
import { INTERRUPTED } from '../../../platform/transaction/outcome.ts';
import type { Basket } from '../domain/lines.ts';
import { DECIDED_VERSION, type Order } from '../domain/order.ts';
import type { Rejection } from '../domain/rejection.ts';
import { orderPlaced, orderRejected } from '../order-events.ts';
import { fromLines, type OrderRow, toLines, toOrder } from './order-row.ts';

/** A CreateOrder request, as its client identifies it. */
export interface RequestKey {
  readonly userId: string;
  readonly requestId: string;
  /** SHA-256 of its contents, in hex. */
  readonly fingerprint: string;
}

/** An order that is being placed. */
export interface Pending extends Basket {
  readonly orderId: string;
  readonly userId: string;
  readonly transactionId: string;
  /** W3C trace context of the call. Empty: unknown. */
  readonly traceparent: string;
}

/** An order that is about to be made, and for which request. */
export type Placement = RequestKey & Pending;

/** What became of an earlier request with the same id. */
export interface EarlierRequest {
  readonly fingerprint: string;
  readonly transactionId: string;
  /** Whoever placed it has not been heard of for too long. Only while the order is PENDING. */
  readonly abandoned: boolean;
  /** The order now. */
  readonly order: Order;
  /** The order as it was placed, if it was. */
  readonly placed: Order | undefined;
  /** The product that a rejection is about, or empty. */
  readonly rejectSubject: string;
}

/**
 * CreateOrder's writes. Those of concurrent orders share a statement and a commit. What the service publishes of a
 * decision is in the decision's commit.
 */
export interface PlacementStore {
  /**
   * Makes order, first change and RUNNING transaction. Gives the time of it, or undefined when the request id is
   * taken: nothing was made then.
   */
  begin(placement: Placement): Promise<Date | undefined>;
  /**
   * The decision for its transaction: order PLACED, transaction COMMITTING. Gives the time of it, or undefined when
   * the transaction was decided otherwise before.
   */
  place(pending: Pending): Promise<Date | undefined>;
  /**
   * The decision against a transaction: order REJECTED, transaction ROLLING_BACK. An interrupted order gives its
   * request id free. False when the transaction was decided before.
   */
  reject(transaction: TransactionRef, rejection: Rejection, error: string): Promise<boolean>;
  find(userId: string, requestId: string): Promise<EarlierRequest | undefined>;
}

const MAX_BATCH = 256;

/** The store on `sql`. */
export function createPlacementStore(sql: Sql): PlacementStore {
  return {
    begin: createBatcher({ run: begin, maxSize: MAX_BATCH }),
    place: createBatcher({ run: place, maxSize: MAX_BATCH }),
    reject,
    find,
  };

  async function begin(placements: Placement[]): Promise<(Date | undefined)[]> {
    const column = <Name extends keyof Placement>(name: Name) => placements.map((each) => each[name]);
    // Inserted in the order of the unique key: two batches that repeat each other's requests take turns that way.
    const rows = await sql<{ id: string; createdAt: Date }[]>`
      with given as (
        select * from unnest(
          ${column('orderId')}::uuid[], ${column('transactionId')}::uuid[], ${column('userId')}::uuid[],
          ${column('requestId')}::uuid[], ${column('fingerprint')}::text[],
          ${placements.map(({ lines }) => fromLines(lines))}::text[],
          ${column('currency')}::text[], ${placements.map(({ total }) => String(total))}::bigint[],
          ${column('traceparent')}::text[]
        ) as given (id, transaction_id, user_id, request_id, fingerprint, lines, currency, total, traceparent)
      ), inserted as (
        insert into orders (id, user_id, request_id, fingerprint, state, version, lines, currency, total)
        select id, user_id, request_id, decode(fingerprint, 'hex'), 'PENDING', 1, lines::jsonb, currency, total
        from given order by user_id, request_id
        on conflict (user_id, request_id) do nothing
        returning id, currency, total, created_at
      ), changed as (
        insert into order_changes (order_id, version, state, currency, total)
        select id, 1, 'PENDING', currency, total from inserted
      ), started as (
        insert into transactions (id, kind, entity_id, state, traceparent, lease_until)
        select given.transaction_id, 'create-order', id, 'RUNNING', traceparent,
          now() + ${LEASE_SECONDS} * interval '1 second'
        from inserted join given using (id)
      )
      select id, created_at as "createdAt" from inserted`;
    const times = new Map(rows.map((row) => [row.id, row.createdAt]));
    return placements.map(({ orderId }) => times.get(orderId));
  }

  async function place(pending: Pending[]): Promise<(Date | undefined)[]> {
    // Two attempts of one request may get here together.
    const orders = new Map(pending.map((each) => [each.orderId, each]));
    const events = [...orders.values()].map((each) => orderPlaced({ ...each, version: DECIDED_VERSION }));
    const transactionIds = pending.map(({ transactionId }) => transactionId);
    const rows = await sql<{ transactionId: string; placedAt: Date }[]>`
      with decided as (
        update transactions
        set state = 'COMMITTING', updated_at = now(), lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
        where id = any (${transactionIds}::uuid[]) and state = 'RUNNING'
        returning id, entity_id
      ), placed as (
        update orders set state = 'PLACED', version = version + 1, updated_at = now()
        from decided where orders.id = decided.entity_id and orders.state = 'PENDING'
        returning orders.id, version, currency, total, updated_at, decided.id as transaction_id
      ), changed as (
        insert into order_changes (order_id, version, state, currency, total)
        select id, version, 'PLACED', currency, total from placed
      ), published as (
        ${insertEvents(sql, events, sql`select id from placed`)}
      )
      select transaction_id as "transactionId", updated_at as "placedAt" from placed`;
    const times = new Map(rows.map((row) => [row.transactionId, row.placedAt]));
    return transactionIds.map((id) => times.get(id));
  }

  async function reject(transaction: TransactionRef, rejection: Rejection, error: string): Promise<boolean> {
    const { id, entityId: orderId, traceparent } = transaction;
    const { reason, subject } = rejection;
    const event = orderRejected({ orderId, version: DECIDED_VERSION, traceparent }, reason);
    const rows = await sql`
      with decided as (
        update transactions
        set state = 'ROLLING_BACK', last_error = ${error}, updated_at = now(),
          lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
        where id = ${id} and state = 'RUNNING'
        returning entity_id
      ), rejected as (
        update orders
        set state = 'REJECTED', version = version + 1, updated_at = now(), reject_reason = ${reason},
          reject_subject = ${subject === '' ? null : subject},
          request_id = case when ${reason === INTERRUPTED} then null else request_id end
        from decided where orders.id = decided.entity_id and orders.state = 'PENDING'
        returning id, version, currency, total
      ), changed as (
        insert into order_changes (order_id, version, state, currency, total)
        select id, version, 'REJECTED', currency, total from rejected
      ), published as (
        ${insertEvents(sql, [event], sql`select id from rejected`)}
      )
      select from rejected`;
    return rows.length === 1;
  }

  async function find(userId: string, requestId: string): Promise<EarlierRequest | undefined> {
    type Row = OrderRow & {
      fingerprint: string;
      transactionId: string;
      abandoned: boolean;
      placedLines: OrderRow['lines'] | null;
      placedTotal: bigint | null;
      placedAt: Date | null;
      rejectSubject: string | null;
    };
    const [row] = await sql<Row[]>`
      select o.id, o.user_id as "userId", o.state, o.version, o.lines, o.currency, o.total,
        o.reject_reason as "rejectReason", o.created_at as "createdAt", o.updated_at as "updatedAt",
        encode(o.fingerprint, 'hex') as fingerprint, o.reject_subject as "rejectSubject",
        coalesce(o.placed_lines, o.lines) as "placedLines", c.total as "placedTotal", c.changed_at as "placedAt",
        t.id as "transactionId", t.lease_until < now() as abandoned
      from orders o
      join transactions t on t.entity_id = o.id and t.kind = 'create-order'
      left join order_changes c
        on c.order_id = o.id and c.version = ${String(DECIDED_VERSION)}::bigint and c.state = 'PLACED'
      where o.user_id = ${userId} and o.request_id = ${requestId}`;
    if (row === undefined) return undefined;
    const order = toOrder(row);
    const { fingerprint, transactionId, abandoned, placedLines, placedTotal, placedAt } = row;
    const placed: Order | undefined =
      placedLines === null || placedTotal === null || placedAt === null
        ? undefined
        : {
            ...order,
            state: 'PLACED',
            version: DECIDED_VERSION,
            lines: toLines(placedLines),
            total: placedTotal,
            updatedAt: placedAt,
          };
    return { fingerprint, transactionId, abandoned, order, placed, rejectSubject: row.rejectSubject ?? '' };
  }
}
