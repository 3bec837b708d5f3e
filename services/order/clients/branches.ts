import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type BranchResult,
  type BranchSchema,
  BranchStatus,
} from '@souk/contracts/shop/transaction/v1/branch_pb.js';
import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { DepartureOptions } from '../../../platform/batch/departures.ts';
import type { CallContext } from '../../../platform/rpc/client.ts';
import { currentSpan } from '../../../platform/telemetry/span.ts';
import { childSpan, parseTraceparent } from '../../../platform/telemetry/trace.ts';
import type { TransactionRef } from '../../../platform/transaction/log.ts';
import { DONE, type Outcome } from '../../../platform/transaction/outcome.ts';

/** Names one part of one transaction on the wire. */
export type BranchInit = MessageInitShape<typeof BranchSchema>;

/** The transaction that a branch is part of. */
export type Owner = Pick<TransactionRef, 'id' | 'traceparent'>;

/** A branch's name on the wire. */
export const nameOf = ({ id }: Owner, branchId: string): BranchInit => ({ transactionId: id, branchId });

/** The contract allows 256. With 100 lines in each, as many would pass the 1 MiB that a server reads. */
const MAX_BRANCHES = 200;
/** What follows a reply waits this long for more of its kind: nobody waits for it. In milliseconds. */
export const AFTER_REPLY_MS = 25;

/**
 * Makes one call out of the branches of transactions that run at the same time. `call` gets no deadline of one of its
 * transactions, because it serves many: the method's own timeout bounds it. Of their traces it can continue only one:
 * the first that is recorded, else the first.
 */
export function batchBranches<Branch>(
  call: (branches: Branch[], context: CallContext) => Promise<{ results: BranchResult[] }>,
  options: Pick<DepartureOptions, 'gatherMs'> = {},
): (owner: Owner, branch: Branch) => Promise<Outcome> {
  const batched = createBatcher<{ traceparent: string; branch: Branch }, Outcome>({
    maxSize: MAX_BRANCHES,
    ...options,
    async run(asked) {
      const trace = currentSpan() ?? childSpan(parseTraceparent(asked[0]?.traceparent));
      const branches = asked.map(({ branch }) => branch);
      return (await call(branches, { trace })).results.map(toOutcome);
    },
  });
  return ({ traceparent }, branch) => batched({ traceparent, branch });
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
