import { describe, expect, it } from 'vitest';
import { type Basket, MAX_TOTAL, normalizeWanted, type Offer, priceLines, totalOf } from './lines.ts';

const offer = (productId: string, price: bigint, currency = 'EUR'): [string, Offer] => [
  productId,
  { productId, name: `the ${productId}`, currency, price },
];
const catalogue = new Map([offer('lamp', 250n), offer('rug', 900n), offer('fan', 5n, 'JPY')]);
const line = (productId: string, quantity: number, unitPrice: bigint) => ({
  productId,
  productName: productId,
  quantity,
  unitPrice,
});

describe('priceLines', () => {
  it('takes name and price from the offers, in the sequence that is wanted', () => {
    const wanted = [
      { productId: 'rug', quantity: 2 },
      { productId: 'lamp', quantity: 1 },
    ];
    expect(priceLines(wanted, catalogue)).toEqual({
      currency: 'EUR',
      total: 2_050n,
      lines: [
        { productId: 'rug', productName: 'the rug', unitPrice: 900n, quantity: 2 },
        { productId: 'lamp', productName: 'the lamp', unitPrice: 250n, quantity: 1 },
      ],
    });
  });

  it('keeps name and price of what stays, even when it is sold no more', () => {
    const kept: Basket = { currency: 'EUR', total: 20n, lines: [line('old', 2, 10n)] };
    const wanted = [
      { productId: 'old', quantity: 5 },
      { productId: 'lamp', quantity: 1 },
    ];
    const { lines, total } = priceLines(wanted, catalogue, kept);
    expect(lines[0]).toEqual(line('old', 5, 10n));
    expect(total).toBe(300n);
  });

  it('refuses what is missing, and two currencies, also against what an order is in', () => {
    const reason = (name: string) => expect.objectContaining({ reason: name });
    const one = (productId: string) => ({ productId, quantity: 1 });
    const kept: Basket = { currency: 'EUR', total: 10n, lines: [line('old', 1, 10n)] };
    expect(() => priceLines([one('lamp'), one('none')], catalogue)).toThrow(reason('PRODUCT_NOT_FOUND'));
    expect(() => priceLines([one('lamp'), one('fan')], catalogue)).toThrow(reason('MIXED_CURRENCIES'));
    expect(() => priceLines([one('fan')], catalogue, kept)).toThrow(reason('MIXED_CURRENCIES'));
  });
});

describe('totalOf', () => {
  it('is exact up to the limit, and refuses more, however much', () => {
    expect(totalOf([line('a', 1, MAX_TOTAL - 1n), line('b', 1, 1n)])).toBe(MAX_TOTAL);
    expect(() => totalOf([line('a', 1, MAX_TOTAL), line('b', 1, 1n)])).toThrow(/more together/);
    expect(() => totalOf([line('a', 10_000, 10n ** 30n)])).toThrow(/more together/);
  });
});

it('normalizeWanted sees that two spellings are one product', () => {
  expect(normalizeWanted([{ productId: 'AB', quantity: 1 }])).toEqual([{ productId: 'ab', quantity: 1 }]);
  const twice = [
    { productId: 'AB', quantity: 1 },
    { productId: 'ab', quantity: 2 },
  ];
  expect(() => normalizeWanted(twice)).toThrow(/another product/);
});
