import { FIRST_EPOCH, type TransactionLog } from '../../../platform/transaction/log.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';
import type { Tcc } from '../../../platform/transaction/run-tcc.ts';
import type { PlacementInput } from './create-order.ts';

/** Confirms what the order's placement still holds. */
export type SettlePlacement = (orderId: string) => Promise<Outcome>;

/**
 * The step before anything of an order is given back. The placement is confirmed after its reply, so a change may come
 * first: what is still held can't be given back as sold or spent. Confirming twice is harmless.
 */
export function settlePlacementStep(
  transactions: Pick<TransactionLog, 'findCommitting'>,
  { kind, branches }: Tcc<PlacementInput, Date>,
): SettlePlacement {
  return async (orderId) => {
    const id = await transactions.findCommitting(kind, orderId);
    if (id === undefined) return DONE;
    const transaction = { id, entityId: orderId, epoch: FIRST_EPOCH };
    const outcomes = await Promise.all(branches.map((branch) => branch.confirm(transaction)));
    return outcomes.find(({ kind }) => kind !== 'done') ?? DONE;
  };
}
