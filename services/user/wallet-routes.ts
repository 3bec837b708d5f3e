import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type BranchResultSchema, BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import type { WalletSchema } from '@souk/contracts/shop/user/v1/wallet_pb.js';
import {
  type CreditBranch as CreditBranchMessage,
  GrantCreditResponseSchema,
  type RefundBranch as RefundBranchMessage,
  type WalletService,
} from '@souk/contracts/shop/user/v1/wallet_service_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import type { BranchName } from '../../platform/participant/branch.ts';
import { countConflicts, type ParticipantMetrics } from '../../platform/participant/metrics.ts';
import { requireUser } from '../../platform/rpc/context.ts';
import type { Routes } from '../../platform/rpc/routes.ts';
import { cancelHolds, confirmHolds, refundCredit, takeCredit } from './credit-branch-store.ts';
import type { BranchOutcome, CreditBranch, RefundBranch } from './credit-branches.ts';
import type { Wallet, Wallets } from './wallet.ts';

/** Handlers of the wallet service. */
export function walletRoutes(
  sql: Sql,
  wallets: Wallets,
  metrics: ParticipantMetrics,
): Routes<typeof WalletService> {
  async function answer(method: string, outcomes: Promise<BranchOutcome[]>) {
    const results = await outcomes;
    countConflicts(metrics, method, results);
    return { results: results.map(toResult) };
  }

  return {
    async getWallet({ userId }, context) {
      return { wallet: toWallet(await wallets.get(userId, requireUser(context))) };
    },
    async grantCredit({ requestId, userId, amount }, context) {
      const grant = {
        requestId,
        userId,
        currency: amount?.currencyCode ?? '',
        amount: amount?.minorUnits ?? 0n,
        grantedBy: requireUser(context).userId,
      };
      const encode = (wallet: Wallet) =>
        toBinary(GrantCreditResponseSchema, create(GrantCreditResponseSchema, { wallet: toWallet(wallet) }));
      const bytes = await wallets.grant(grant, encode, context.trace);
      return fromBinary(GrantCreditResponseSchema, bytes);
    },
    holdCredit: ({ branches }) => answer('HoldCredit', takeCredit(sql, 'hold', branches.map(toCredit))),
    confirmHold: ({ branches }) => answer('ConfirmHold', confirmHolds(sql, branches)),
    cancelHold: ({ branches }) => answer('CancelHold', cancelHolds(sql, branches)),
    charge: ({ branches }) => answer('Charge', takeCredit(sql, 'charge', branches.map(toCredit))),
    refund: ({ branches }) => answer('Refund', refundCredit(sql, branches.map(toRefund))),
  };
}

const STATUSES = {
  DONE: BranchStatus.DONE,
  REFUSED: BranchStatus.REFUSED,
  CONFLICT: BranchStatus.CONFLICT,
} as const;

function toResult({ status, reason }: BranchOutcome): MessageInitShape<typeof BranchResultSchema> {
  return { status: STATUSES[status], reason };
}

// The contract's rules have seen to it that required fields are there.

function toName(branch: BranchName | undefined): BranchName {
  return { transactionId: branch?.transactionId ?? '', branchId: branch?.branchId ?? '' };
}

function toCredit({ branch, userId, amount }: CreditBranchMessage): CreditBranch {
  return {
    ...toName(branch),
    userId,
    currency: amount?.currencyCode ?? '',
    amount: amount?.minorUnits ?? 0n,
  };
}

function toRefund({ branch, userId, amount, undoes }: RefundBranchMessage): RefundBranch {
  if (undoes !== '') return { ...toName(branch), undoes };
  return {
    ...toName(branch),
    userId,
    currency: amount?.currencyCode ?? '',
    amount: amount?.minorUnits ?? 0n,
  };
}

function toWallet({ userId, balances }: Wallet): MessageInitShape<typeof WalletSchema> {
  return {
    userId,
    balances: balances.map(({ currency, available, held }) => ({
      available: { currencyCode: currency, minorUnits: available },
      held: { currencyCode: currency, minorUnits: held },
    })),
  };
}
