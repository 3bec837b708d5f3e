import type { Order } from '@souk/contracts/shop/order/v1/order_pb.js';
import type { RequestRecord, Wanted } from '../../test/invariants/given.ts';
import type { Outcome } from './sessions.ts';

/** What was asked of the shop and what it answered, for the check of invariants at the end. */
export interface OrderBook {
  granted(userId: string, amount: number): void;
  asked(requestId: string, userId: string, lines: readonly Wanted[]): RequestRecord;
  placed(record: RequestRecord, outcome: Outcome, order: Order | undefined): void;
  changing(orderId: string, lines: readonly Wanted[]): void;
  changed(orderId: string, lines: readonly Wanted[], outcome: Outcome): void;
  cancelling(orderId: string): void;
  cancelled(orderId: string, outcome: Outcome): void;
  contents(): BookContents;
}

/** What is in a book. */
export interface BookContents {
  readonly requests: readonly RequestRecord[];
  /** Credit in minor units that was given during the run, by user. */
  readonly credit: ReadonlyMap<string, number>;
}

/** With these the shop itself said that it did nothing. Anything else leaves open what happened. */
const REFUSALS = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FAILED_PRECONDITION',
  'ABORTED',
]);
const isRefused = (outcome: Outcome) => !outcome.ok && outcome.reason !== '' && REFUSALS.has(outcome.code);

/** An empty book. */
export function createOrderBook(): OrderBook {
  const requests: RequestRecord[] = [];
  const credit = new Map<string, number>();
  const byOrder = new Map<string, RequestRecord>();
  const of = (orderId: string) => byOrder.get(orderId) as RequestRecord;
  return {
    granted: (userId, amount) => void credit.set(userId, amount),
    asked(requestId, userId, lines) {
      const record: RequestRecord = {
        requestId,
        userId,
        creation: 'unknown',
        cancelled: 'no',
        lines: [lines],
      };
      requests.push(record);
      return record;
    },
    placed(record, outcome, order) {
      if (isRefused(outcome)) record.creation = 'refused';
      if (!order) return;
      record.creation = 'placed';
      record.orderId = order.id;
      byOrder.set(order.id, record);
    },
    changing(orderId, lines) {
      const record = of(orderId);
      record.lines = [...record.lines, lines];
    },
    changed(orderId, lines, outcome) {
      const record = of(orderId);
      if (outcome.ok) record.lines = [lines];
      // A repeat that is refused may be so because the first attempt was done.
      else if (isRefused(outcome) && outcome.attempts === 1) record.lines = record.lines.slice(0, -1);
    },
    cancelling(orderId) {
      of(orderId).cancelled = 'maybe';
    },
    cancelled(orderId, outcome) {
      if (outcome.ok) of(orderId).cancelled = 'yes';
      else if (isRefused(outcome) && outcome.attempts === 1) of(orderId).cancelled = 'no';
    },
    contents: () => ({ requests, credit }),
  };
}
