import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  RestockBranchSchema,
  StockBranchSchema,
  StockService,
} from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import type { Client } from '../../../platform/rpc/client.ts';
import type { Outcome } from '../../../platform/transaction/outcome.ts';
import type { Wanted } from '../domain/lines.ts';
import { type BranchInit, batchBranches } from './branches.ts';

/** The product service's stock, as a participant in transactions. Each call may be repeated. */
export interface Stock {
  /** TCC try: available → held, all lines or none. */
  reserve(transactionId: string, branchId: string, lines: readonly Wanted[]): Promise<Outcome>;
  /** TCC confirm: held → sold. */
  confirm(transactionId: string, branchId: string): Promise<Outcome>;
  /** TCC cancel: held → available, and a reservation that comes later is a conflict. */
  cancel(transactionId: string, branchId: string): Promise<Outcome>;
  /** Saga step: available → sold, all lines or none. */
  take(transactionId: string, branchId: string, lines: readonly Wanted[]): Promise<Outcome>;
  /** Saga compensation of the same transaction's take `undoes`. */
  untake(transactionId: string, branchId: string, undoes: string): Promise<Outcome>;
  /** Saga step: sold → available. */
  restock(transactionId: string, branchId: string, lines: readonly Wanted[]): Promise<Outcome>;
}

/** Stock over the contract, the branches of concurrent transactions in shared calls. */
export function createStock(client: Client<typeof StockService>): Stock {
  type Lines = MessageInitShape<typeof StockBranchSchema>;
  type Restock = MessageInitShape<typeof RestockBranchSchema>;
  const reserve = batchBranches((branches: Lines[]) => client.reserveStock({ branches }));
  const confirm = batchBranches((branches: BranchInit[]) => client.confirmReservation({ branches }));
  const cancel = batchBranches((branches: BranchInit[]) => client.cancelReservation({ branches }));
  const take = batchBranches((branches: Lines[]) => client.take({ branches }));
  const restock = batchBranches((branches: Restock[]) => client.restock({ branches }));
  const named = (transactionId: string, branchId: string) => ({ transactionId, branchId });

  return {
    reserve: (transactionId, branchId, lines) =>
      reserve({ branch: named(transactionId, branchId), lines: toLines(lines) }),
    confirm: (transactionId, branchId) => confirm(named(transactionId, branchId)),
    cancel: (transactionId, branchId) => cancel(named(transactionId, branchId)),
    take: (transactionId, branchId, lines) =>
      take({ branch: named(transactionId, branchId), lines: toLines(lines) }),
    untake: (transactionId, branchId, undoes) => restock({ branch: named(transactionId, branchId), undoes }),
    restock: (transactionId, branchId, lines) =>
      restock({ branch: named(transactionId, branchId), lines: toLines(lines) }),
  };
}

const toLines = (lines: readonly Wanted[]) =>
  lines.map(({ productId, quantity }) => ({ productId, quantity }));
