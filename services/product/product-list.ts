import { createPageTokens } from '../../platform/paging/page-token.ts';
import type { Product } from './product.ts';

/** The orders of the list. Ties go by id. */
export type ListOrder = 'price' | 'priceDescending' | 'name' | 'newest' | 'bestSelling';

/** Which products are listed. */
export interface ListFilter {
  /** Words as in a web search. Empty: all. */
  readonly query: string;
  /** Only prices in this currency. */
  readonly currency?: string;
  /** Minor units of `currency`, both inclusive. */
  readonly minPrice?: bigint;
  readonly maxPrice?: bigint;
  readonly availableOnly: boolean;
}

/** Where a page begins, in each order: after the row with these values, of which the last is its id. */
export interface Cursors {
  readonly price: readonly [currency: string, price: bigint, id: string];
  readonly priceDescending: readonly [currency: string, price: bigint, id: string];
  readonly name: readonly [nameKey: string, id: string];
  readonly newest: readonly [id: string];
  readonly bestSelling: readonly [sold: bigint, id: string];
}

/** A product with its place in an order. */
export interface Listed<Order extends ListOrder> {
  readonly product: Product;
  readonly cursor: Cursors[Order];
}

/** A page asked for. */
export interface PageRequest {
  readonly order: ListOrder;
  readonly filter: ListFilter;
  /** Up to 100; 0 for the default. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
}

/** A page, and the token of the next one, empty when there is none. */
export interface Page {
  readonly products: Product[];
  readonly nextPageToken: string;
}

/** Reads up to `limit` products, at most 101, after the cursor if there is one. */
export type ReadPage = <Order extends ListOrder>(
  order: Order,
  filter: ListFilter,
  after: Cursors[Order] | undefined,
  limit: number,
) => Promise<Listed<Order>[]>;

const DEFAULT_PAGE_SIZE = 50;

const list = (order: ListOrder): string => `shop.product.v1.ListProducts/${order}`;
const tokens = {
  price: createPageTokens(list('price'), ['string', 'bigint', 'uuid']),
  priceDescending: createPageTokens(list('priceDescending'), ['string', 'bigint', 'uuid']),
  name: createPageTokens(list('name'), ['string', 'uuid']),
  newest: createPageTokens(list('newest'), ['uuid']),
  bestSelling: createPageTokens(list('bestSelling'), ['bigint', 'uuid']),
};

interface Tokens<Order extends ListOrder> {
  encode(filter: unknown, cursor: Cursors[Order]): string;
  decode(filter: unknown, token: string): Cursors[Order];
}

/** The page that is asked for. Throws INVALID_ARGUMENT, reason PAGE_TOKEN_INVALID, for a token of another list. */
export async function listPage(read: ReadPage, request: PageRequest): Promise<Page> {
  const { order, filter, pageToken } = request;
  const { minPrice, maxPrice } = filter;
  const size = request.pageSize || DEFAULT_PAGE_SIZE;
  const { encode, decode } = tokens[order] as Tokens<typeof order>;
  const bound = { ...filter, minPrice: minPrice?.toString(), maxPrice: maxPrice?.toString() };
  const after = pageToken === '' ? undefined : decode(bound, pageToken);
  // One more than the page holds tells whether there is a next page.
  const listed = await read(order, filter, after, size + 1);
  const last = listed.length > size ? listed[size - 1] : undefined;
  return {
    products: listed.slice(0, size).map(({ product }) => product),
    nextPageToken: last === undefined ? '' : encode(bound, last.cursor),
  };
}
