import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  CreditBranchSchema,
  RefundBranchSchema,
  WalletService,
} from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import type { Client } from '../../../platform/rpc/client.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';
import { type BranchInit, batchBranches } from './branches.ts';

/** An amount of one person's store credit. */
export interface Credit {
  readonly userId: string;
  readonly currency: string;
  /** Minor units, from 0 to MAX_TOTAL. */
  readonly amount: bigint;
}

/** The user service's wallets, as a participant in transactions. Each call may be repeated. */
export interface Wallet {
  /** TCC try: available → held. */
  hold(transactionId: string, branchId: string, credit: Credit): Promise<Outcome>;
  /** TCC confirm: held → spent. */
  confirm(transactionId: string, branchId: string): Promise<Outcome>;
  /** TCC cancel: held → available, and a hold that comes later is a conflict. */
  cancel(transactionId: string, branchId: string): Promise<Outcome>;
  /** Saga step: available → spent. */
  charge(transactionId: string, branchId: string, credit: Credit): Promise<Outcome>;
  /** Saga compensation of the same transaction's charge `undoes`. */
  uncharge(transactionId: string, branchId: string, undoes: string): Promise<Outcome>;
  /** Saga step: spent → available. Done when the person is gone: there is nobody to give it to. */
  refund(transactionId: string, branchId: string, credit: Credit): Promise<Outcome>;
}

/** Wallets over the contract, the branches of concurrent transactions in shared calls. */
export function createWallet(client: Client<typeof WalletService>): Wallet {
  type Take = MessageInitShape<typeof CreditBranchSchema>;
  type Refund = MessageInitShape<typeof RefundBranchSchema>;
  const hold = batchBranches((branches: Take[]) => client.holdCredit({ branches }));
  const confirm = batchBranches((branches: BranchInit[]) => client.confirmHold({ branches }));
  const cancel = batchBranches((branches: BranchInit[]) => client.cancelHold({ branches }));
  const charge = batchBranches((branches: Take[]) => client.charge({ branches }));
  const refund = batchBranches((branches: Refund[]) => client.refund({ branches }));
  const named = (transactionId: string, branchId: string) => ({ transactionId, branchId });

  return {
    hold: async (transactionId, branchId, credit) =>
      toRefusal(await hold({ branch: named(transactionId, branchId), ...toCredit(credit) })),
    confirm: (transactionId, branchId) => confirm(named(transactionId, branchId)),
    cancel: (transactionId, branchId) => cancel(named(transactionId, branchId)),
    charge: async (transactionId, branchId, credit) =>
      toRefusal(await charge({ branch: named(transactionId, branchId), ...toCredit(credit) })),
    uncharge: (transactionId, branchId, undoes) => refund({ branch: named(transactionId, branchId), undoes }),
    refund: async (transactionId, branchId, credit) => {
      const outcome = await refund({ branch: named(transactionId, branchId), ...toCredit(credit) });
      return isWithoutWallet(outcome) ? DONE : outcome;
    },
  };
}

const toCredit = ({ userId, currency, amount }: Credit) => ({
  userId,
  amount: { currencyCode: currency, minorUnits: amount },
});

const isWithoutWallet = (outcome: Outcome): boolean =>
  outcome.kind === 'refused' && outcome.reason === 'WALLET_NOT_FOUND';

/** To a customer, having no wallet is having too little in it. Of whatever a refusal is, it is of no product. */
const toRefusal = (outcome: Outcome): Outcome =>
  outcome.kind === 'refused'
    ? {
        kind: 'refused',
        reason: isWithoutWallet(outcome) ? 'INSUFFICIENT_CREDIT' : outcome.reason,
        subject: '',
      }
    : outcome;
