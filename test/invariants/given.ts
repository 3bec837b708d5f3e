/** A number of pieces of one product. */
export interface Wanted {
  readonly productId: string;
  readonly quantity: number;
}

/** What a client knows of one CreateOrder request, and of the order that came of it. */
export interface RequestRecord {
  readonly requestId: string;
  readonly userId: string;
  /** What the client was told in the end; `unknown` if it gave up. */
  creation: 'placed' | 'refused' | 'unknown';
  /** The order, if it was told. */
  orderId?: string;
  /** Whether it is cancelled: told so, told nothing after it asked, or never asked for. */
  cancelled: 'yes' | 'maybe' | 'no';
  /** What the order's lines may be now: one possibility if the client was told, more if it was not. */
  lines: (readonly Wanted[])[];
}

/** What was put into the shop, and what its clients were told. */
export interface Given {
  /** The pieces that were put in stock, by product. */
  readonly stock: ReadonlyMap<string, number>;
  /** The credit in minor units that was granted, by user. */
  readonly credit: ReadonlyMap<string, number>;
  /** All requests that these users sent; absent where nobody kept account. */
  readonly requests?: readonly RequestRecord[];
}

/** Lines as one text, the same for the same lines in any order. */
export function linesKey(lines: readonly Wanted[]): string {
  return lines
    .map(({ productId, quantity }) => `${productId}:${quantity}`)
    .sort()
    .join();
}
