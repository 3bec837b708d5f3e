import { DomainError } from '../errors.ts';
import type { CallContext } from '../rpc/client.ts';
import type { Decision } from './hanging-tries.ts';

/** What of a generated client of the coordinator is called here. */
export interface CoordinatorClient {
  getTransaction(
    request: { transactionId: string },
    context?: CallContext,
  ): Promise<{ readonly transaction?: { readonly state: number } | undefined }>;
}

/** The numbers that the coordinator's contract gives to the states that are decided. */
export type DecidedStates = Readonly<
  Record<'COMMITTING' | 'COMMITTED' | 'ROLLING_BACK' | 'ROLLED_BACK', number>
>;

/** Asks a coordinator for its decision; see HangingTries.ask. */
export function askCoordinator(
  coordinator: CoordinatorClient,
  states: DecidedStates,
): (transactionId: string, signal: AbortSignal) => Promise<Decision> {
  const decisions = new Map<number | undefined, Decision>([
    [states.COMMITTING, 'commit'],
    [states.COMMITTED, 'commit'],
    [states.ROLLING_BACK, 'rollback'],
    [states.ROLLED_BACK, 'rollback'],
  ]);
  return async (transactionId, signal) => {
    try {
      const { transaction } = await coordinator.getTransaction({ transactionId }, { signal });
      // A state of a newer release: it will be one that is known here in the end.
      return decisions.get(transaction?.state) ?? 'wait';
    } catch (error) {
      // By its reason: a proxy without a route may say NOT_FOUND as well.
      if (error instanceof DomainError && error.reason === 'TRANSACTION_NOT_FOUND') return 'rollback';
      throw error;
    }
  };
}
