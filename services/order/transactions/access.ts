import { type Order, orderNotFound } from '../domain/order.ts';
import type { StoredOrder } from '../store/order-store.ts';

/** Who looks at an order. */
export interface Viewer {
  readonly userId: string;
  readonly admin: boolean;
}

/** Where an order is read, as the caller wants it. */
interface Orders<Known extends Order> {
  get(id: string): Promise<StoredOrder<Known> | undefined>;
}

/** An order that the viewer may see, or might have before it was deleted. Throws NOT_FOUND. */
export async function readOwned<Known extends Order>(
  orders: Orders<Known>,
  viewer: Viewer,
  orderId: string,
): Promise<StoredOrder<Known>> {
  const stored = await orders.get(orderId.toLowerCase());
  if (stored === undefined || !(viewer.admin || stored.order.userId === viewer.userId)) throw orderNotFound();
  return stored;
}

/** An order that the viewer may see. Throws NOT_FOUND. */
export async function readVisible<Known extends Order>(
  orders: Orders<Known>,
  viewer: Viewer,
  orderId: string,
): Promise<Known> {
  const { order, deleted } = await readOwned(orders, viewer, orderId);
  if (deleted) throw orderNotFound();
  return order;
}
