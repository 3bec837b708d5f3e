import type { ChangeFeed } from './change-feed.ts';
import { isFinal, type OrderChange } from './domain/order.ts';
import type { ChangeStore } from './store/change-store.ts';
import type { OrderStore } from './store/order-store.ts';
import { readVisible, type Viewer } from './transactions/access.ts';

/** What WatchOrder works with. */
export interface WatchOrderParts {
  readonly orders: Pick<OrderStore, 'get'>;
  readonly changes: Pick<ChangeStore, 'after'>;
  readonly feed: Pick<ChangeFeed, 'subscribe'>;
}

/** A call of WatchOrder. */
export interface WatchOrder {
  readonly viewer: Viewer;
  readonly orderId: string;
  readonly afterVersion: bigint;
  readonly signal: AbortSignal;
}

/**
 * Yields the order's changes after a version, those that happened and then those that happen; ends after a final state
 * and when the signal aborts. Throws NOT_FOUND.
 */
export async function* watchOrder(parts: WatchOrderParts, call: WatchOrder): AsyncGenerator<OrderChange> {
  const { orders, changes, feed } = parts;
  const { signal } = call;
  const order = await readVisible(orders, call.viewer, call.orderId);
  const orderId = order.id;
  // A version that isn't there yet would make the changes up to it be missed, and so perhaps the end.
  let after = call.afterVersion;
  if (after > order.version) after = order.version;
  if (isFinal(order.state) && after === order.version) return;

  // Before the first read, so that no change falls between the two.
  const subscription = feed.subscribe(orderId);
  try {
    while (!signal.aborted) {
      const found = await changes.after({ orderId, after });
      for (const change of found) {
        yield change;
        if (isFinal(change.state)) return;
        after = change.version;
      }
      if (found.length === 0) await subscription.next(signal);
    }
  } finally {
    subscription.close();
  }
}
