import {
  ProductCreatedSchema,
  ProductDeletedSchema,
  ProductUpdatedSchema,
  StockAdjustedSchema,
  StockDepletedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { type NewEvent, newEvent } from '../../platform/events/event.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import type { Product } from './product.ts';

// What this service publishes. `trace` is that of the call that made the change. Of orders, take_stock in the database
// tells when they have taken the last piece.

/** The parts of a product that events tell. */
export type PublicProduct = Pick<Product, 'id' | 'name' | 'price' | 'version'>;

const product = ({ id, name, price, version }: PublicProduct) => ({
  productId: id,
  name,
  price: { currencyCode: price.currency, minorUnits: price.minorUnits },
  version,
});

/** A product came into the catalogue. */
export const productCreated = (made: PublicProduct, trace?: TraceContext): NewEvent =>
  newEvent(ProductCreatedSchema, made.id, product(made), trace);

/** A product was changed; `changed` is what it is now. */
export const productUpdated = (changed: PublicProduct, trace?: TraceContext): NewEvent =>
  newEvent(ProductUpdatedSchema, changed.id, product(changed), trace);

/** A product left the catalogue; `version` is its last. */
export const productDeleted = (productId: string, version: bigint, trace?: TraceContext): NewEvent =>
  newEvent(ProductDeletedSchema, productId, { productId, version }, trace);

/** `delta` pieces were put in by hand, or taken out, which left `available`; and if that is none, the event of that. */
export function stockAdjusted(
  productId: string,
  delta: bigint,
  available: bigint,
  trace?: TraceContext,
): NewEvent[] {
  const adjusted = newEvent(StockAdjustedSchema, productId, { productId, delta, available }, trace);
  if (available > 0n) return [adjusted];
  return [adjusted, newEvent(StockDepletedSchema, productId, { productId }, trace)];
}
