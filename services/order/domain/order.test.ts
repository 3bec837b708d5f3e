import { describe, expect, it } from 'vitest';
import { formatEtag } from '../../../platform/paging/etag.ts';
import { advance, isFinal, type Order, type OrderState, requireChangeable, sameLines } from './order.ts';

const STATES: OrderState[] = ['PENDING', 'PLACED', 'REJECTED', 'CANCELLED'];
const at = new Date(1_000);
const order = (state: OrderState): Order => ({
  id: 'o',
  userId: 'u',
  state,
  rejectReason: '',
  version: 4n,
  lines: [{ productId: 'a', productName: 'A', quantity: 1, unitPrice: 1n }],
  currency: 'EUR',
  total: 1n,
  createdAt: new Date(0),
  updatedAt: new Date(0),
});

describe('an order', () => {
  it('takes these steps and no others', () => {
    const legal = STATES.flatMap((from) =>
      STATES.filter((to) => {
        try {
          return advance(order(from), to, at).state === to;
        } catch (error) {
          expect(error).toMatchObject({ kind: 'FAILED_PRECONDITION', reason: 'ORDER_NOT_PLACED' });
          return false;
        }
      }).map((to) => `${from} ${to}`),
    );
    expect(legal).toEqual(['PENDING PLACED', 'PENDING REJECTED', 'PLACED PLACED', 'PLACED CANCELLED']);
    expect(STATES.filter(isFinal)).toEqual(['REJECTED', 'CANCELLED']);
  });

  it('counts its versions', () => {
    const next = advance(order('PENDING'), 'PLACED', at);
    expect(next).toMatchObject({ version: 5n, updatedAt: at, createdAt: new Date(0), total: 1n });
  });

  it('may be changed only when it is placed, and by whoever knows its version', () => {
    expect(() => requireChangeable(order('PLACED'), formatEtag(4))).not.toThrow();
    expect(() => requireChangeable(order('PLACED'), '')).not.toThrow();
    expect(() => requireChangeable(order('PLACED'), formatEtag(3))).toThrow(/changed since/);
    for (const state of STATES.filter((each) => each !== 'PLACED')) {
      expect(() => requireChangeable(order(state), formatEtag(4))).toThrow(
        expect.objectContaining({ reason: 'ORDER_NOT_PLACED', metadata: { state } }),
      );
    }
  });
});

it('sameLines minds products, quantities and sequence', () => {
  const [a, b] = [order('PLACED').lines[0], { productId: 'b', productName: 'B', quantity: 2, unitPrice: 1n }];
  const basket = (...lines: (typeof b | undefined)[]) => ({
    ...order('PLACED'),
    lines: lines.filter((line) => line !== undefined),
  });
  expect(sameLines(basket(a, b), basket(a, b))).toBe(true);
  expect(sameLines(basket(a, b), basket(b, a))).toBe(false);
  expect(sameLines(basket(a, b), basket(a))).toBe(false);
  expect(sameLines(basket(a, b), basket(a, { ...b, quantity: 3 }))).toBe(false);
});
