import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  RestockBranchSchema,
  StockBranchSchema,
  StockService,
} from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import type { Client } from '../../../platform/rpc/client.ts';
import type { Outcome } from '../../../platform/transaction/outcome.ts';
import type { Wanted } from '../domain/lines.ts';
import { AFTER_REPLY_MS, type BranchInit, batchBranches, nameOf, type Owner } from './branches.ts';

/** The product service's stock, as a participant in transactions. Each call may be repeated. */
export interface Stock {
  /** TCC try: available → held, all lines or none. */
  reserve(owner: Owner, branchId: string, lines: readonly Wanted[]): Promise<Outcome>;
  /** TCC confirm: held → sold. */
  confirm(owner: Owner, branchId: string): Promise<Outcome>;
  /** TCC cancel: held → available, and a reservation that comes later is a conflict. */
  cancel(owner: Owner, branchId: string): Promise<Outcome>;
  /** Saga step: available → sold, all lines or none. */
  take(owner: Owner, branchId: string, lines: readonly Wanted[]): Promise<Outcome>;
  /** Saga compensation of the same transaction's take `undoes`. */
  untake(owner: Owner, branchId: string, undoes: string): Promise<Outcome>;
  /** Saga step: sold → available. */
  restock(owner: Owner, branchId: string, lines: readonly Wanted[]): Promise<Outcome>;
}

/** Stock over the contract, the branches of concurrent transactions in shared calls. */
export function createStock(client: Client<typeof StockService>): Stock {
  type Lines = MessageInitShape<typeof StockBranchSchema>;
  type Restock = MessageInitShape<typeof RestockBranchSchema>;
  const reserve = batchBranches((branches: Lines[], context) => client.reserveStock({ branches }, context));
  const confirm = batchBranches(
    (branches: BranchInit[], context) => client.confirmReservation({ branches }, context),
    { gatherMs: AFTER_REPLY_MS },
  );
  const cancel = batchBranches((branches: BranchInit[], context) =>
    client.cancelReservation({ branches }, context),
  );
  const take = batchBranches((branches: Lines[], context) => client.take({ branches }, context));
  const restock = batchBranches((branches: Restock[], context) => client.restock({ branches }, context));

  return {
    reserve: (owner, branchId, lines) =>
      reserve(owner, { branch: nameOf(owner, branchId), lines: toLines(lines) }),
    confirm: (owner, branchId) => confirm(owner, nameOf(owner, branchId)),
    cancel: (owner, branchId) => cancel(owner, nameOf(owner, branchId)),
    take: (owner, branchId, lines) => take(owner, { branch: nameOf(owner, branchId), lines: toLines(lines) }),
    untake: (owner, branchId, undoes) => restock(owner, { branch: nameOf(owner, branchId), undoes }),
    restock: (owner, branchId, lines) =>
      restock(owner, { branch: nameOf(owner, branchId), lines: toLines(lines) }),
  };
}

const toLines = (lines: readonly Wanted[]) =>
  lines.map(({ productId, quantity }) => ({ productId, quantity }));
