import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Barrier } from '../platform/transaction/model/barrier.ts';
import type { Outcome } from '../platform/transaction/outcome.ts';
import { StockModel } from '../services/product/stock-model.ts';

// The model of transactions runs on one description of a participant, the product service's SQL is tested against
// another. This keeps the two from drifting apart.

const name = fc.record({
  transactionId: fc.constantFrom('t1', 't2'),
  branchId: fc.constantFrom('a', 'b', 'c'),
});
const lines = fc
  .tuple(fc.nat(3), fc.nat(2))
  .filter(([lamps, rugs]) => lamps + rugs > 0)
  .map(([lamps, rugs]) =>
    [
      { productId: 'lamp', quantity: lamps },
      { productId: 'rug', quantity: rugs },
    ].filter(({ quantity }) => quantity > 0),
  );
const call = fc.record({
  kind: fc.constantFrom('reserve', 'take', 'confirm', 'cancel', 'give', 'undo'),
  name,
  lines,
  undoes: fc.constantFrom('a', 'b', 'c'),
});

it('both descriptions of a participant answer alike, whatever is called', () => {
  const answered = new Set<string>();
  fc.assert(
    fc.property(fc.array(call, { minLength: 5, maxLength: 30 }), (calls) => {
      const barrier = new Barrier('INSUFFICIENT_STOCK');
      const stock = new StockModel();
      for (const [productId, available] of [['lamp', 6] as const, ['rug', 3] as const]) {
        barrier.put(productId, BigInt(available));
        stock.stock.set(productId, { available, held: 0, sold: 0 });
      }
      for (const { kind, name, lines, undoes } of calls) {
        const wants = lines.map(({ productId, quantity }) => ({ key: productId, amount: BigInt(quantity) }));
        let pair: [Outcome, { reason: string; subject: string }];
        if (kind === 'reserve' || kind === 'take')
          pair = [barrier.take(kind, name, wants), stock.take(kind, { ...name, lines })];
        else if (kind === 'confirm') pair = [barrier.confirm(name), stock.confirm(name)];
        else if (kind === 'cancel') pair = [barrier.cancel(name), stock.cancel(name)];
        else if (kind === 'give')
          pair = [barrier.give(name, wants), stock.restock({ ...name, lines, undoes: undefined })];
        else pair = [barrier.undo(name, undoes), stock.restock({ ...name, lines: [], undoes })];
        const [actual, { reason, subject }] = pair;
        expect({ reason: '', subject: '', ...actual }, kind).toMatchObject({ reason, subject });
        answered.add(`${kind} ${reason}`);
      }
      for (const [key, { available, held, used }] of barrier.holdings)
        expect([available, held, used].map(Number)).toEqual(Object.values(stock.stock.get(key) ?? {}));
    }),
    { numRuns: 2_000 },
  );
  // That the names collide enough to come nearly everywhere.
  expect(answered.size).toBeGreaterThan(20);
});
