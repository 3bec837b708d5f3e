import type { Invariant } from './invariant.ts';

/** No piece appears or disappears. */
export const stockConserved: Invariant = {
  name: 'stock available + held + sold = what was put in',
  async violations({ product }, { stock }) {
    const { rows } = await product.query(
      `select given.product_id, given.pieces, s.available, s.held, s.sold
       from unnest($1::uuid[], $2::bigint[]) as given (product_id, pieces)
       left join stock s using (product_id)
       where (s.available + s.held + s.sold) is distinct from given.pieces`,
      [[...stock.keys()], [...stock.values()]],
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
