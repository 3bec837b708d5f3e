import { expect, test } from 'vitest';
import { orderLines, toOutcome } from './stock.ts';

const a = '01890a5d-ac96-774b-bcce-b302099a8057';
const b = '0a890a5d-ac96-774b-bcce-b302099a8057';

test('lines are ordered by product, whatever the case of their ids', () => {
  const ordered = orderLines(
    [
      { productId: b.toUpperCase(), quantity: 2 },
      { productId: a, quantity: 1 },
    ],
    'lines',
  );
  expect(ordered).toEqual([
    { productId: a, quantity: 1 },
    { productId: b, quantity: 2 },
  ]);
});

test('two lines of one product are refused, also when one id is in upper case', () => {
  const lines = [b, a, b.toUpperCase()].map((productId) => ({ productId, quantity: 1 }));
  expect(() => orderLines(lines, 'branches[0].lines')).toThrow(
    expect.objectContaining({
      kind: 'INVALID_ARGUMENT',
      violations: [{ field: 'branches[0].lines', description: 'each line must be of another product' }],
    }),
  );
});

test('a reason tells whether a branch is done, refused or in conflict', () => {
  expect(toOutcome('', null)).toEqual({ status: 'done', reason: '', subject: '' });
  expect(toOutcome('INSUFFICIENT_STOCK', a).status).toBe('refused');
  expect(toOutcome('BRANCH_CANCELLED', null)).toEqual({
    status: 'conflict',
    reason: 'BRANCH_CANCELLED',
    subject: '',
  });
});
