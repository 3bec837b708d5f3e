import {
  type OrderCancelled,
  OrderCancelledSchema,
  type OrderPlaced,
  OrderPlacedSchema,
  type OrderUpdated,
  OrderUpdatedSchema,
} from '@souk/contracts/shop/order/v1/order_events_pb.js';
import { type Subscription, subscribe } from '../../platform/events/consumer/subscription.ts';
import type { Received } from '../../platform/events/event.ts';
import { type Sale, salesChanges } from './sales.ts';
import { addRecounted, addSales, beginRecount } from './sales-store.ts';

/** How well products sell, which is what the best-selling list is ordered by. */
const sales = subscribe('order', [OrderPlacedSchema, OrderUpdatedSchema, OrderCancelledSchema], {
  async handle(events, tx) {
    // A snapshot's have position 0, and are not mixed with others.
    const add = events[0]?.position === 0n ? addRecounted : addSales;
    await add(tx, salesChanges(events.map(toSale)));
  },
  reset: beginRecount,
});

function toSale({ subject, message }: Received<OrderPlaced | OrderUpdated | OrderCancelled>): Sale {
  if (message.$typeName === 'shop.order.v1.OrderUpdated')
    return { orderId: subject, changes: message.changes };
  const sign = message.$typeName === 'shop.order.v1.OrderPlaced' ? 1n : -1n;
  const changes = message.items.map(({ productId, quantity }) => ({
    productId,
    delta: sign * BigInt(quantity),
  }));
  return { orderId: subject, changes };
}

/** What this service makes of others' events. */
export const subscriptions: readonly Subscription[] = [sales];
