import type { Invariant } from './invariant.ts';

/** No hold outlives its decision. */
export const nothingHeld: Invariant = {
  name: 'nothing is held',
  async violations({ user, product }) {
    const stock = await product.query('select product_id, held from stock where held <> 0');
    const wallets = await user.query('select user_id, currency, held from wallets where held <> 0');
    const open = `select transaction_id, branch_id, kind, state, created_at from branches where state = 'HELD'`;
    const [reserved, holds] = [await product.query(open), await user.query(open)];
    return [stock, wallets, reserved, holds].flatMap(({ rows }) => rows.map((row) => JSON.stringify(row)));
  },
};
