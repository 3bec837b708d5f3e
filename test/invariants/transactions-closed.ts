import type { Invariant } from './invariant.ts';

/** Every distributed transaction comes to an end. */
export const transactionsClosed: Invariant = {
  name: 'no transaction is open',
  async violations({ order }) {
    const { rows } = await order.query(
      'select id, kind, state, attempts, last_error, created_at, updated_at from transactions where open',
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
