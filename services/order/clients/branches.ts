import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type BranchResult,
  type BranchSchema,
  BranchStatus,
} from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import { createBatcher } from '../../../platform/batch/batcher.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';

/** Names one part of one transaction on the wire. */
export type BranchInit = MessageInitShape<typeof BranchSchema>;

/** The contract allows 256. With 100 lines in each, as many would pass the 1 MiB that a server reads. */
const MAX_BRANCHES = 200;
/** How many calls of one method are under way at once: one that hangs must not hold up the others. */
const MAX_IN_FLIGHT = 2;

/**
 * Makes one call out of the branches of transactions that run at the same time. `call` gets no deadline of one of its
 * transactions, because it serves many: the method's own timeout bounds it.
 */
export function batchBranches<Branch>(
  call: (branches: Branch[]) => Promise<{ results: BranchResult[] }>,
): (branch: Branch) => Promise<Outcome> {
  return createBatcher({
    maxSize: MAX_BRANCHES,
    maxInFlight: MAX_IN_FLIGHT,
    run: async (branches) => (await call(branches)).results.map(toOutcome),
  });
}

function toOutcome({ status, reason, subject }: BranchResult): Outcome {
  switch (status) {
    case BranchStatus.DONE:
      return DONE;
    case BranchStatus.REFUSED:
      return { kind: 'refused', reason, subject };
    case BranchStatus.CONFLICT:
      return { kind: 'conflict', reason };
    default:
      throw new Error(`a participant answered with branch status ${status}`);
  }
}
