import type { Invariant } from './invariant.ts';

/** Orders come to an end, add up, and have a history without gaps that ends where they stand. */
export const ordersFinal: Invariant = {
  name: 'each order is PLACED, REJECTED or CANCELLED, as its lines and its history say',
  async violations({ order }) {
    const { rows } = await order.query(
      `with history as (
         select order_id, count(*) as changes, max(version) as last,
           (array_agg(state order by version desc))[1] as state,
           (array_agg(total order by version desc))[1] as total
         from order_changes group by 1
       )
       select o.id, o.state, o.version, o.total, h.changes, h.last, h.state as last_state, h.total as last_total
       from orders o left join history h on h.order_id = o.id
       where o.state not in ('PLACED', 'REJECTED', 'CANCELLED')
         or (o.version, o.version, o.state, o.total) is distinct from (h.changes, h.last, h.state, h.total)
         or o.total <> (
           select sum((line ->> 'quantity')::bigint * (line ->> 'unitPrice')::bigint)
           from jsonb_array_elements(o.lines) as line
         )`,
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
