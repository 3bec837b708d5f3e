import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  CreditBranchSchema,
  RefundBranchSchema,
  WalletService,
} from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import type { Client } from '../../../platform/rpc/client.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';
import { AFTER_REPLY_MS, type BranchInit, batchBranches, nameOf, type Owner } from './branches.ts';

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
  hold(owner: Owner, branchId: string, credit: Credit): Promise<Outcome>;
  /** TCC confirm: held → spent. */
  confirm(owner: Owner, branchId: string): Promise<Outcome>;
  /** TCC cancel: held → available, and a hold that comes later is a conflict. */
  cancel(owner: Owner, branchId: string): Promise<Outcome>;
  /** Saga step: available → spent. */
  charge(owner: Owner, branchId: string, credit: Credit): Promise<Outcome>;
  /** Saga compensation of the same transaction's charge `undoes`. */
  uncharge(owner: Owner, branchId: string, undoes: string): Promise<Outcome>;
  /** Saga step: spent → available. Done when the person is gone: there is nobody to give it to. */
  refund(owner: Owner, branchId: string, credit: Credit): Promise<Outcome>;
}

/** Wallets over the contract, the branches of concurrent transactions in shared calls. */
export function createWallet(client: Client<typeof WalletService>): Wallet {
  type Take = MessageInitShape<typeof CreditBranchSchema>;
  type Refund = MessageInitShape<typeof RefundBranchSchema>;
  const hold = batchBranches((branches: Take[], context) => client.holdCredit({ branches }, context));
  const confirm = batchBranches(
    (branches: BranchInit[], context) => client.confirmHold({ branches }, context),
    { gatherMs: AFTER_REPLY_MS },
  );
  const cancel = batchBranches((branches: BranchInit[], context) => client.cancelHold({ branches }, context));
  const charge = batchBranches((branches: Take[], context) => client.charge({ branches }, context));
  const refund = batchBranches((branches: Refund[], context) => client.refund({ branches }, context));

  return {
    hold: async (owner, branchId, credit) =>
      toRefusal(await hold(owner, { branch: nameOf(owner, branchId), ...toCredit(credit) })),
    confirm: (owner, branchId) => confirm(owner, nameOf(owner, branchId)),
    cancel: (owner, branchId) => cancel(owner, nameOf(owner, branchId)),
    charge: async (owner, branchId, credit) =>
      toRefusal(await charge(owner, { branch: nameOf(owner, branchId), ...toCredit(credit) })),
    uncharge: (owner, branchId, undoes) => refund(owner, { branch: nameOf(owner, branchId), undoes }),
    refund: async (owner, branchId, credit) => {
      const outcome = await refund(owner, { branch: nameOf(owner, branchId), ...toCredit(credit) });
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
