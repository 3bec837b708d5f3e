import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createPageTokens } from './page-token.ts';

const id = '01890a5d-ac96-774b-bcce-b302099a8057';
const byPrice = createPageTokens('Products/price', ['bigint', 'uuid']);
const rejected = expect.objectContaining({ kind: 'INVALID_ARGUMENT', reason: 'PAGE_TOKEN_INVALID' });
const thrownBy = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error;
  }
};

test('a cursor comes back with its types', () => {
  const token = byPrice.encode({ query: 'tea' }, [9_007_199_254_740_993n, id]);
  expect(byPrice.decode({ query: 'tea' }, token)).toEqual([9_007_199_254_740_993n, id]);
  const names = createPageTokens('Products/name', ['string', 'number']);
  expect(names.decode(null, names.encode(null, ['tē "a"', 1.5]))).toEqual(['tē "a"', 1.5]);
});

test('a token of another list, filter or shape is refused', () => {
  const token = byPrice.encode({ query: 'tea' }, [1n, id]);
  expect(thrownBy(() => byPrice.decode({ query: 'coffee' }, token))).toEqual(rejected);
  const byName = createPageTokens('Products/name', ['bigint', 'uuid']);
  expect(thrownBy(() => byName.decode({ query: 'tea' }, token))).toEqual(rejected);
});

test('a tampered, cut, empty, overlong or foreign token is refused', () => {
  const token = byPrice.encode(null, [1n, id]);
  for (let index = 0; index < token.length; index += 7) {
    const other = token[index] === 'A' ? 'B' : 'A';
    const tampered = token.slice(0, index) + other + token.slice(index + 1);
    expect(thrownBy(() => byPrice.decode(null, tampered))).toEqual(rejected);
  }
  for (const bad of ['', 'x', token.slice(0, -4), 'A'.repeat(5000), '💥']) {
    expect(thrownBy(() => byPrice.decode(null, bad))).toEqual(rejected);
  }
});

test('values of the wrong type are refused even when the checksum fits', () => {
  const forge = (values: unknown) => {
    const payload = Buffer.from(JSON.stringify(values));
    const bound = JSON.stringify([1, 'Products/price', ['bigint', 'uuid'], null]);
    const sum = createHash('sha256').update(bound).update(payload).digest().subarray(0, 12);
    return Buffer.concat([sum, payload]).toString('base64url');
  };
  expect(byPrice.decode(null, forge(['5', id]))).toEqual([5n, id]);
  for (const bad of [['5', "'; drop"], ['9223372036854775808', id], ['x', id], [5, id], ['5'], {}, null]) {
    expect(thrownBy(() => byPrice.decode(null, forge(bad)))).toEqual(rejected);
  }
});
