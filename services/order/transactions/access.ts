import { type Order, orderNotFound } from '../domain/order.ts';
import type { OrderStore, StoredOrder } from '../store/order-store.ts';

/** Who looks at an order. */
export interface Viewer {
  readonly userId: string;
  readonly admin: boolean;
}

/** An order that the viewer may see, or might have before it was deleted. Throws NOT_FOUND. */
export async function readOwned(
  orders: Pick<OrderStore, 'get'>,
  viewer: Viewer,
  orderId: string,
): Promise<StoredOrder> {
  const stored = await orders.get(orderId.toLowerCase());
  if (stored === undefined || !(viewer.admin || stored.order.userId === viewer.userId)) throw orderNotFound();
  return stored;
}

/** An order that the viewer may see. Throws NOT_FOUND. */
export async function readVisible(
  orders: Pick<OrderStore, 'get'>,
  viewer: Viewer,
  orderId: string,
): Promise<Order> {
  const { order, deleted } = await readOwned(orders, viewer, orderId);
  if (deleted) throw orderNotFound();
  return order;
}
