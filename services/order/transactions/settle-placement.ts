import { FIRST_EPOCH, type TransactionLog, type TransactionRef } from '../../../platform/transaction/log.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';
import type { Tcc } from '../../../platform/transaction/run-tcc.ts';
import type { PlacementInput } from './create-order.ts';

/** Confirms what the placement of the transaction's order still holds. */
export type SettlePlacement = (change: TransactionRef) => Promise<Outcome>;

/**
 * The step before anything of an order is given back. The placement is confirmed after its reply, so a change may come
 * first: what is still held can't be given back as sold or spent. Confirming twice is harmless.
 */
export function settlePlacementStep(
  transactions: Pick<TransactionLog, 'findCommitting'>,
  { kind, branches }: Tcc<PlacementInput, Date>,
): SettlePlacement {
  return async ({ entityId, traceparent }) => {
    const id = await transactions.findCommitting(kind, entityId);
    if (id === undefined) return DONE;
    const placement = { id, entityId, epoch: FIRST_EPOCH, traceparent };
    const outcomes = await Promise.all(branches.map((branch) => branch.confirm(placement)));
    return outcomes.find(({ kind }) => kind !== 'done') ?? DONE;
  };
}
