import { expect, test } from 'vitest';
import { nameKey, parseDescription, parseName } from './product.ts';

test('a name is trimmed, and must not be blank', () => {
  expect(parseName('  Oak shelf\u00a0\n', 'name')).toBe('Oak shelf');
  for (const blank of ['', '   ', '\t\n\u2003']) {
    expect(() => parseName(blank, 'product.name')).toThrow(
      expect.objectContaining({
        kind: 'INVALID_ARGUMENT',
        violations: [{ field: 'product.name', description: 'must not be blank' }],
      }),
    );
  }
});

test('what PostgreSQL can not hold is refused', () => {
  expect(() => parseName('a\0b', 'name')).toThrow(/U\+0000/);
  expect(() => parseDescription('\0', 'description')).toThrow(/U\+0000/);
});

test('names are ordered without regard to case and accents', () => {
  const names = ['Zinc', 'apple', 'Éclair', 'BANANA', 'eclipse', 'Egg', 'Ångström', 'İznik tile'];
  const sorted = names.toSorted((a, b) => (nameKey(a) < nameKey(b) ? -1 : 1));
  expect(sorted).toEqual(['Ångström', 'apple', 'BANANA', 'Éclair', 'eclipse', 'Egg', 'İznik tile', 'Zinc']);
});

test('the key of the longest names fits a page token', () => {
  for (const character of ['é', '💥', '"', '\\', '\u0001', '\ufdfa', '漢', '\ud83d\udc68\u200d']) {
    const key = nameKey(character.repeat(200));
    expect(Buffer.byteLength(key)).toBeLessThanOrEqual(400);
    expect(key.isWellFormed() && !key.includes('\ufffd')).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(key))).toBeLessThanOrEqual(602);
  }
});
