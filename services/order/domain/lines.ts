import { fail, invalidField } from '../../../platform/errors.ts';

/** A number of pieces of one product that are wanted. Product ids are in lower case. */
export interface Wanted {
  readonly productId: string;
  /** From 1 to 10,000. */
  readonly quantity: number;
}

/** An ordered number of pieces of one product, with the name and price it was ordered at. */
export interface Line extends Wanted {
  readonly productName: string;
  /** Minor units of the order's currency. */
  readonly unitPrice: bigint;
}

/** What the catalogue says of a product now. */
export interface Offer {
  readonly productId: string;
  readonly name: string;
  readonly currency: string;
  /** Minor units. */
  readonly price: bigint;
}

/** Lines with what they cost together. */
export interface Basket {
  readonly lines: readonly Line[];
  /** ISO 4217 code. */
  readonly currency: string;
  /** Minor units. */
  readonly total: bigint;
}

/** The most an order may cost, in minor units: what one branch of a transaction can carry. */
export const MAX_TOTAL = 1_000_000_000_000n;
/** How many missing products an error names: it has to fit into a trailer. */
const MAX_NAMED = 20;

/**
 * Brings what a client sent into one form: UUIDs may come in upper case, so only here it shows whether two lines are
 * of one product. Throws INVALID_ARGUMENT.
 */
export function normalizeWanted(lines: readonly Wanted[]): Wanted[] {
  const wanted = lines.map(({ productId, quantity }) => ({ productId: productId.toLowerCase(), quantity }));
  if (new Set(wanted.map((line) => line.productId)).size < wanted.length)
    throw invalidField('lines', 'each line must be of another product');
  return wanted;
}

/**
 * The wanted lines at the prices that hold. `kept` are an order's lines until now: a product that stays keeps its name
 * and unit price, whatever its quantity; another costs what its offer says. Throws NOT_FOUND PRODUCT_NOT_FOUND,
 * FAILED_PRECONDITION MIXED_CURRENCIES, INVALID_ARGUMENT TOTAL_TOO_LARGE.
 */
export function priceLines(
  wanted: readonly Wanted[],
  offers: ReadonlyMap<string, Offer>,
  kept?: Basket,
): Basket {
  const keptLines = new Map(kept?.lines.map((line) => [line.productId, line]));
  const added = wanted.filter(({ productId }) => !keptLines.has(productId));
  const missing = added.filter(({ productId }) => !offers.has(productId));
  if (missing.length > 0) throw productNotFound(missing.map(({ productId }) => productId));

  const currencies = new Set(added.map(({ productId }) => (offers.get(productId) as Offer).currency));
  if (kept !== undefined) currencies.add(kept.currency);
  const [currency] = currencies;
  if (currency === undefined) throw new RangeError('an order needs a line');
  if (currencies.size > 1) {
    throw fail('FAILED_PRECONDITION', 'MIXED_CURRENCIES', 'All lines of an order must be in one currency.', {
      metadata: { currencies: [...currencies].sort().join(',') },
    });
  }

  const lines = wanted.map(({ productId, quantity }): Line => {
    const old = keptLines.get(productId);
    if (old !== undefined) return { ...old, quantity };
    const { name, price } = offers.get(productId) as Offer;
    return { productId, productName: name, unitPrice: price, quantity };
  });
  return { lines, currency, total: totalOf(lines) };
}

/** The sum over the lines, in minor units. Throws INVALID_ARGUMENT TOTAL_TOO_LARGE above {@link MAX_TOTAL}. */
export function totalOf(lines: readonly Line[]): bigint {
  const total = lines.reduce((sum, { unitPrice, quantity }) => sum + unitPrice * BigInt(quantity), 0n);
  if (total > MAX_TOTAL) {
    throw invalidField(
      'lines',
      `cost more together than an order may: ${MAX_TOTAL} minor units`,
      'TOTAL_TOO_LARGE',
    );
  }
  return total;
}

/** NOT_FOUND PRODUCT_NOT_FOUND, with the first of the products in its metadata. */
export function productNotFound(productIds: readonly string[]) {
  const named = productIds.slice(0, MAX_NAMED);
  const many = productIds.length > 1;
  return fail(
    'NOT_FOUND',
    'PRODUCT_NOT_FOUND',
    many
      ? `${productIds.length} of the products do not exist or are no longer sold.`
      : `There is no product ${named[0]}, or it is no longer sold.`,
    { metadata: many ? { product_ids: named.join(',') } : { product_id: named[0] ?? '' } },
  );
}
