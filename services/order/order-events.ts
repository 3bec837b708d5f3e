import {
  OrderCancelledSchema,
  OrderPlacedSchema,
  OrderRejectedSchema,
  OrderUpdatedSchema,
} from '@souk/contracts/shop/order/v1/order_events_pb.js';
import { type NewEvent, newEvent } from '../../platform/events/event.ts';
import type { Difference } from './domain/difference.ts';
import type { Basket, Wanted } from './domain/lines.ts';

// What the service publishes. Each is made before the statement that changes the order and inserted by it, so `version`
// is the one that the statement will make.

/** An order as its events tell of it. */
interface Facts extends Basket {
  readonly orderId: string;
  readonly userId: string;
  readonly version: bigint;
  /** W3C trace context of what caused it. Empty: unknown. */
  readonly traceparent: string;
}

const itemsOf = (lines: readonly Wanted[]) =>
  lines.map(({ productId, quantity }) => ({ productId, quantity }));
const totalOf = ({ currency, total }: Basket) => ({ currencyCode: currency, minorUnits: total });

/** An order was placed. */
export function orderPlaced(facts: Facts): NewEvent {
  const { orderId, userId, lines, version, traceparent } = facts;
  const init = { orderId, userId, items: itemsOf(lines), total: totalOf(facts), version };
  return { ...newEvent(OrderPlacedSchema, orderId, init), traceparent };
}

/** A placed order's lines were changed; `facts` are those after it. */
export function orderUpdated(
  facts: Facts,
  { take, giveBack }: Pick<Difference, 'take' | 'giveBack'>,
): NewEvent {
  const { orderId, userId, lines, version, traceparent } = facts;
  const change = (sign: 1 | -1) => (wanted: Wanted) => ({
    productId: wanted.productId,
    delta: BigInt(sign * wanted.quantity),
  });
  const changes = [...take.map(change(1)), ...giveBack.map(change(-1))];
  const init = { orderId, userId, items: itemsOf(lines), changes, total: totalOf(facts), version };
  return { ...newEvent(OrderUpdatedSchema, orderId, init), traceparent };
}

/** A placed order was cancelled. */
export function orderCancelled(facts: Omit<Facts, 'currency' | 'total'>): NewEvent {
  const { orderId, userId, lines, version, traceparent } = facts;
  const init = { orderId, userId, items: itemsOf(lines), version };
  return { ...newEvent(OrderCancelledSchema, orderId, init), traceparent };
}

/** An order was turned down. */
export function orderRejected(
  facts: Pick<Facts, 'orderId' | 'version' | 'traceparent'>,
  reason: string,
): NewEvent {
  const { orderId, version, traceparent } = facts;
  return { ...newEvent(OrderRejectedSchema, orderId, { orderId, reason, version }), traceparent };
}
