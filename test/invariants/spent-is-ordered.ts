import type { Invariant } from './invariant.ts';

/** What users have paid is what their placed orders cost. */
export const spentIsOrdered: Invariant = {
  name: 'credit spent = totals of PLACED orders',
  async violations({ user, order }, { credit }) {
    const { rows: ordered } = await order.query<{ id: string; total: string }>(
      `select user_id as id, sum(total)::text as total from orders where state = 'PLACED' group by 1`,
    );
    const { rows } = await user.query(
      `select given.user_id, given.granted, w.available, w.held, coalesce(ordered.total, 0) as ordered
       from unnest($1::uuid[], $2::bigint[]) as given (user_id, granted)
       left join wallets w using (user_id)
       left join unnest($3::uuid[], $4::bigint[]) as ordered (user_id, total) using (user_id)
       where (given.granted - w.available - w.held) is distinct from coalesce(ordered.total, 0)`,
      [
        [...credit.keys()],
        [...credit.values()],
        ordered.map(({ id }) => id),
        ordered.map(({ total }) => total),
      ],
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
