import type { Invariant } from './invariant.ts';

/** The best-selling list counts each piece in placed orders once: each event took effect once. */
export const salesCounted: Invariant = {
  name: 'sales counted by events = pieces in PLACED orders',
  async violations({ product, order }) {
    const { rows: ordered } = await order.query<{ id: string; quantity: string }>(
      `select line ->> 'productId' as id, sum((line ->> 'quantity')::bigint)::text as quantity
       from orders, jsonb_array_elements(lines) as line where state = 'PLACED' group by 1`,
    );
    const { rows } = await product.query(
      `select s.product_id, s.sold as counted, coalesce(ordered.quantity, 0) as ordered
       from sales s left join unnest($1::uuid[], $2::bigint[]) as ordered (product_id, quantity) using (product_id)
       where s.sold <> coalesce(ordered.quantity, 0)`,
      [ordered.map(({ id }) => id), ordered.map(({ quantity }) => quantity)],
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
