import type { Transaction } from '../../../platform/db/database.ts';
import type { NewEvent } from '../../../platform/events/event.ts';
import { orderPlaced } from '../order-events.ts';
import { type OrderRow, orderColumns, toOrder } from './order-row.ts';

/** Rows that one statement goes through: few enough for any statement's time. */
const PAGE = 4_000;

/** What there is in a partition, as events: each placed order as if it had just been placed as it is now. */
export async function* snapshotOrders(tx: Transaction, partition: number): AsyncGenerator<NewEvent[]> {
  let after: string | undefined;
  do {
    const rest = after === undefined ? tx`` : tx`where id > ${after}`;
    const [end] = await tx<{ id: string }[]>`
      select id from orders ${rest} order by id offset ${PAGE - 1}::integer limit 1`;
    const rows = await tx<OrderRow[]>`
      select ${orderColumns(tx)}
      from (select * from orders ${rest} order by id limit ${PAGE}::integer) page
      where state = 'PLACED' and event_partition(id) = ${partition}
      order by id`;
    if (rows.length > 0) {
      yield rows.map((row) => orderPlaced({ ...toOrder(row), orderId: row.id, traceparent: '' }));
    }
    after = end?.id;
  } while (after !== undefined);
}
