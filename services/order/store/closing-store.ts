import type { Transaction } from '../../../platform/db/database.ts';
import { appendEvents } from '../../../platform/events/outbox.ts';
import { uuidv7 } from '../../../platform/id.ts';
import type { Order } from '../domain/order.ts';
import { USER_DELETED } from '../domain/rejection.ts';
import { orderCancelled, orderRejected } from '../order-events.ts';
import { type OrderRow, orderColumns, toOrder } from './order-row.ts';

/** Somebody whose account was deleted. */
export interface Departed {
  readonly userId: string;
  /** W3C trace context of the deletion. Empty: unknown. */
  readonly traceparent: string;
}

const PAGE = 500;

/**
 * Decides, within `tx`, about each open order of people whose account was deleted: one that is PLACED is cancelled, one
 * that is PENDING is rejected. What follows is in the log of transactions, for the recovery to see through at once.
 * Gives the orders' ids.
 *
 * No order slips through, however the placing of it and the deletion fall: its PENDING row is committed before its
 * credit is asked for, and nothing is held for an account that was deleted. So an order whose credit was held has had
 * its row before the deletion's commit, and whoever hears of the deletion finds it here; one that comes later is
 * refused. A placing that is under way now either decides first, and then this waits for it and cancels, or it finds
 * that its transaction was decided against.
 */
export async function closeOrders(tx: Transaction, departed: readonly Departed[]): Promise<string[]> {
  const traces = new Map(departed.map(({ userId, traceparent }) => [userId, traceparent]));
  const userIds = [...traces.keys()];
  // Transactions before orders, as all who decide.
  const pending = await lockUndecided(tx, userIds);

  const closed: string[] = [];
  for (let last: string | undefined; ; ) {
    const rows = await tx<OrderRow[]>`
      select ${orderColumns(tx)} from orders
      where user_id = any (${userIds}::uuid[]) and deleted_at is null
        and (state = 'PLACED' or state = 'PENDING' and id = any (${[...pending.keys()]}::uuid[]))
        ${last === undefined ? tx`` : tx`and id > ${last}`}
      order by id limit ${PAGE} for no key update`;
    await close(tx, rows.map(toOrder), pending, traces);
    for (const { id } of rows) closed.push(id);
    last = rows.at(-1)?.id;
    if (rows.length < PAGE) return closed;
  }
}

/**
 * Locks the undecided transactions of these people's PENDING orders; gives their ids by order. Whoever places orders
 * decides many at once, in whatever sequence, so this never waits for one of them with another in hand.
 */
async function lockUndecided(tx: Transaction, userIds: readonly string[]): Promise<Map<string, string>> {
  const found = await tx<{ id: string; orderId: string }[]>`
    select t.id, o.id as "orderId"
    from orders o join transactions t on t.entity_id = o.id
    where o.user_id = any (${userIds}::uuid[]) and o.deleted_at is null and o.state = 'PENDING'
      and t.kind = 'create-order' and t.state = 'RUNNING'`;
  if (found.length === 0) return new Map();
  const ids = found.map(({ id }) => id);
  await tx.unsafe('savepoint undecided');
  for (;;) {
    const locked = await tx<{ id: string }[]>`
      select id from transactions where id = any (${ids}::uuid[]) and state = 'RUNNING'
      for no key update skip locked`;
    const mine = new Set(locked.map(({ id }) => id));
    const [other] = await tx<{ id: string }[]>`
      select id from transactions
      where id = any (${ids}::uuid[]) and state = 'RUNNING' and id <> all (${[...mine]}::uuid[]) limit 1`;
    if (other === undefined)
      return new Map(found.filter(({ id }) => mine.has(id)).map((each) => [each.orderId, each.id]));
    await tx.unsafe('rollback to savepoint undecided');
    await tx`select from transactions where id = ${other.id} for no key update`;
    await tx.unsafe('rollback to savepoint undecided');
  }
}

async function close(
  tx: Transaction,
  orders: readonly Order[],
  pending: ReadonlyMap<string, string>,
  traces: ReadonlyMap<string, string>,
): Promise<void> {
  if (orders.length === 0) return;
  const traceOf = ({ userId }: Order) => traces.get(userId) ?? '';
  const cancelled = orders.filter(({ state }) => state === 'PLACED');
  const rejected = orders.map(({ id }) => pending.get(id)).filter((id) => id !== undefined);
  await tx`
    with closed as (
      update orders
      set state = case state when 'PLACED' then 'CANCELLED' else 'REJECTED' end,
        reject_reason = case state when 'PLACED' then '' else ${USER_DELETED} end,
        version = version + 1, updated_at = now()
      where id = any (${orders.map(({ id }) => id)}::uuid[])
      returning id, version, state, currency, total
    ), changed as (
      insert into order_changes (order_id, version, state, currency, total)
      select id, version, state, currency, total from closed
    ), cancelling as (
      -- Leased to nobody: whoever looks first takes it over.
      insert into transactions (id, kind, entity_id, state, traceparent, lease_until)
      select id, 'cancel-order', order_id, 'COMMITTING', traceparent, now()
      from unnest(
        ${cancelled.map(() => uuidv7())}::uuid[], ${cancelled.map(({ id }) => id)}::uuid[],
        ${cancelled.map(traceOf)}::text[]
      ) as given (id, order_id, traceparent)
    )
    update transactions
    set state = 'ROLLING_BACK', last_error = ${USER_DELETED}, updated_at = now(), lease_until = now()
    where id = any (${rejected}::uuid[])`;
  await appendEvents(
    tx,
    orders.map((order) => {
      const facts = { ...order, orderId: order.id, version: order.version + 1n, traceparent: traceOf(order) };
      return order.state === 'PLACED' ? orderCancelled(facts) : orderRejected(facts, USER_DELETED);
    }),
  );
}
