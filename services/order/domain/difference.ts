import type { Basket, Wanted } from './lines.ts';

/** What has to move for an order's lines to be replaced. */
export interface Difference {
  /** Pieces that are needed on top. */
  readonly take: readonly Wanted[];
  /** Pieces that come back. */
  readonly giveBack: readonly Wanted[];
  /** What is to be paid on top, in minor units; 0 when `refund` is not. */
  readonly charge: bigint;
  /** What is to be paid back, in minor units. */
  readonly refund: bigint;
}

/** The difference between an order's contents before and after, product by product. */
export function difference(before: Basket, after: Basket): Difference {
  const change = new Map<string, number>();
  for (const { productId, quantity } of before.lines) change.set(productId, -quantity);
  for (const { productId, quantity } of after.lines)
    change.set(productId, (change.get(productId) ?? 0) + quantity);

  const take: Wanted[] = [];
  const giveBack: Wanted[] = [];
  for (const [productId, quantity] of change) {
    if (quantity > 0) take.push({ productId, quantity });
    else if (quantity < 0) giveBack.push({ productId, quantity: -quantity });
  }
  const more = after.total - before.total;
  return { take, giveBack, charge: more > 0n ? more : 0n, refund: more < 0n ? -more : 0n };
}
