import type { Invariant } from './invariant.ts';

/** What the stock counts as sold is what placed orders hold, and nothing else. */
export const soldIsOrdered: Invariant = {
  name: 'stock sold = pieces in PLACED orders',
  async violations({ product, order }, { stock }) {
    const products = [...stock.keys()];
    const { rows: ordered } = await order.query<{ id: string; quantity: string }>(
      `select line ->> 'productId' as id, sum((line ->> 'quantity')::bigint)::text as quantity
       from orders, jsonb_array_elements(lines) as line
       where state = 'PLACED' group by 1`,
    );
    const { rows } = await product.query(
      `select s.product_id, s.sold, coalesce(ordered.quantity, 0) as ordered
       from stock s
       left join unnest($2::uuid[], $3::bigint[]) as ordered (product_id, quantity) using (product_id)
       where s.product_id = any ($1::uuid[]) and s.sold <> coalesce(ordered.quantity, 0)`,
      [products, ordered.map(({ id }) => id), ordered.map(({ quantity }) => quantity)],
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
