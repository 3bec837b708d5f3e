import { PARTITIONS, partitionOf } from '../../platform/events/event.ts';
import { normaliseId } from './product.ts';

/** What an order changes in how many pieces were sold. */
export interface Sale {
  readonly orderId: string;
  /** How many pieces more of each product; negative: fewer. */
  readonly changes: readonly { readonly productId: string; readonly delta: bigint }[];
}

/** By product: how many pieces more, in the orders of each partition of the order service's log. */
export type SalesChanges = ReadonlyMap<string, readonly bigint[]>;

/** Adds up what sales change. */
export function salesChanges(sales: Iterable<Sale>): SalesChanges {
  const sums = new Map<string, bigint[]>();
  for (const { orderId, changes } of sales) {
    const partition = partitionOf(orderId);
    for (const { productId, delta } of changes) {
      const id = normaliseId(productId);
      const counts = sums.get(id) ?? new Array<bigint>(PARTITIONS).fill(0n);
      sums.set(id, counts);
      counts[partition] = (counts[partition] ?? 0n) + delta;
    }
  }
  return sums;
}
