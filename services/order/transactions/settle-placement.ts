import type { TransactionStore } from '../store/transaction-store.ts';
import type { PlacementInput } from './create-order.ts';
import { DONE, type Outcome } from './outcome.ts';
import type { Tcc } from './run-tcc.ts';

/** Confirms what the order's placement still holds. */
export type SettlePlacement = (orderId: string) => Promise<Outcome>;

/**
 * The step before anything of an order is given back. The placement is confirmed after its reply, so a change may come
 * first: what is still held can't be given back as sold or spent. Confirming twice is harmless.
 */
export function settlePlacementStep(
  transactions: TransactionStore,
  { branches }: Tcc<PlacementInput, Date>,
): SettlePlacement {
  return async (orderId) => {
    const id = await transactions.findUnconfirmed(orderId);
    if (id === undefined) return DONE;
    const outcomes = await Promise.all(branches.map((branch) => branch.confirm({ id, orderId })));
    return outcomes.find(({ kind }) => kind !== 'done') ?? DONE;
  };
}
