import { expect, it } from 'vitest';
import { difference } from './difference.ts';
import { type Basket, totalOf } from './lines.ts';

const PRICES: Record<string, bigint> = { a: 10n, b: 20n, c: 30n };
const basket = (quantities: Record<string, number>): Basket => {
  const lines = Object.entries(quantities).map(([productId, quantity]) => ({
    productId,
    productName: productId,
    quantity,
    unitPrice: PRICES[productId] ?? 0n,
  }));
  return { lines, currency: 'EUR', total: totalOf(lines) };
};

it('tells product by product what is taken and what comes back, and the money once', () => {
  expect(difference(basket({ a: 5, b: 2 }), basket({ a: 3, c: 1 }))).toEqual({
    take: [{ productId: 'c', quantity: 1 }],
    giveBack: [
      { productId: 'a', quantity: 2 },
      { productId: 'b', quantity: 2 },
    ],
    charge: 0n,
    refund: 30n,
  });
});

it('is empty between equals, and turns round with its arguments', () => {
  const [before, after] = [basket({ a: 5, b: 2 }), basket({ b: 7, c: 1 })];
  expect(difference(before, before)).toEqual({ take: [], giveBack: [], charge: 0n, refund: 0n });
  const [there, back] = [difference(before, after), difference(after, before)];
  const byId = (lines: readonly { productId: string }[]) =>
    lines.toSorted((x, y) => x.productId.localeCompare(y.productId));
  expect(byId(there.take)).toEqual(byId(back.giveBack));
  expect(byId(there.giveBack)).toEqual(byId(back.take));
  expect([there.charge, there.refund]).toEqual([back.refund, back.charge]);
});
