import type { Invariant } from './invariant.ts';

/** The ledger is the truth, the wallet its sum. */
export const ledgerIsBalance: Invariant = {
  name: "a wallet's ledger sums to its balance",
  async violations({ user }) {
    const { rows } = await user.query(
      `select user_id, currency, w.available, w.held, l.available as ledger_available, l.held as ledger_held
       from wallets w
       full join (
         select user_id, currency, sum(available) as available, sum(held) as held
         from ledger_entries group by 1, 2
       ) l using (user_id, currency)
       where coalesce(w.available, 0) <> coalesce(l.available, 0) or coalesce(w.held, 0) <> coalesce(l.held, 0)`,
    );
    return rows.map((row) => JSON.stringify(row));
  },
};
