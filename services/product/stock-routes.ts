import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AdjustStockRequestSchema,
  AdjustStockResponseSchema,
  type StockBranch,
  type StockService,
} from '@souk/contracts/shop/product/v1/stock_service_pb.js';
import { type Branch, BranchStatus } from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import { once } from '../../platform/db/requests.ts';
import type { BranchName } from '../../platform/participant/branch.ts';
import { countConflicts, type ParticipantMetrics } from '../../platform/participant/metrics.ts';
import type { Routes } from '../../platform/rpc/routes.ts';
import { coalesce } from './coalesce.ts';
import { normaliseId } from './product.ts';
import { requestKey } from './request-key.ts';
import { type LinesBranch, type Outcome, orderLines, type RestockBranch } from './stock.ts';
import {
  adjustStock,
  cancelReservations,
  confirmReservations,
  readStock,
  restock,
  takeStock,
} from './stock-store.ts';

/** The stock's methods. `wake` is called when there are events to be published. */
export function stockRoutes(
  sql: Sql,
  wake: () => void,
  metrics: ParticipantMetrics,
): Routes<typeof StockService> {
  function answer(method: string, outcomes: readonly Outcome[]) {
    countConflicts(metrics, method, outcomes);
    return {
      results: outcomes.map(({ status, reason, subject }) => ({ status: STATUSES[status], reason, subject })),
    };
  }

  const takeFor = (kind: 'reserve' | 'take') =>
    coalesce((branches: readonly LinesBranch[], trace) => takeStock(sql, kind, branches, { trace, wake }));
  const reserve = takeFor('reserve');
  const confirm = coalesce((names: readonly BranchName[]) => confirmReservations(sql, names));
  const cancel = coalesce((names: readonly BranchName[]) => cancelReservations(sql, names));
  const take = takeFor('take');
  const giveBack = coalesce((branches: readonly RestockBranch[]) => restock(sql, branches));

  return {
    async getStock({ productId }) {
      return { stock: await readStock(sql, normaliseId(productId)) };
    },

    async adjustStock(request, context) {
      const key = requestKey(AdjustStockRequestSchema, request, context);
      const response = await sql.begin((tx) =>
        once(tx, key, async () => {
          const stock = await adjustStock(tx, normaliseId(request.productId), request.delta, context.trace);
          return toBinary(AdjustStockResponseSchema, create(AdjustStockResponseSchema, { stock }));
        }),
      );
      wake();
      return fromBinary(AdjustStockResponseSchema, response);
    },

    async reserveStock({ branches }, context) {
      return answer('ReserveStock', await reserve(branches.map(toLinesBranch), context));
    },

    async confirmReservation({ branches }, context) {
      return answer('ConfirmReservation', await confirm(branches.map(toName), context));
    },

    async cancelReservation({ branches }, context) {
      return answer('CancelReservation', await cancel(branches.map(toName), context));
    },

    async take({ branches }, context) {
      return answer('Take', await take(branches.map(toLinesBranch), context));
    },

    async restock({ branches }, context) {
      const toRestock = (branch: (typeof branches)[number], index: number) => ({
        ...toLinesBranch(branch, index),
        undoes: branch.undoes === '' ? undefined : branch.undoes,
      });
      return answer('Restock', await giveBack(branches.map(toRestock), context));
    },
  };
}

const STATUSES = {
  done: BranchStatus.DONE,
  refused: BranchStatus.REFUSED,
  conflict: BranchStatus.CONFLICT,
} as const;

/** The contract requires the name. */
function toName(branch: Branch | undefined): BranchName {
  const { transactionId = '', branchId = '' } = branch ?? {};
  return { transactionId: normaliseId(transactionId), branchId };
}

function toLinesBranch({ branch, lines }: Pick<StockBranch, 'branch' | 'lines'>, index: number): LinesBranch {
  return { ...toName(branch), lines: orderLines(lines, `branches[${index}].lines`) };
}
