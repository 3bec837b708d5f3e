import { expect, test } from 'vitest';
import { checkEtag, formatEtag } from './etag.ts';

test('each version has its own etag, whatever its number type', () => {
  expect(formatEtag(41n)).toBe(formatEtag(41));
  expect(formatEtag(41n)).not.toBe(formatEtag(42n));
});

test('a stale or foreign etag aborts, an empty one asks for no check', () => {
  expect(() => checkEtag(formatEtag(7), 7n)).not.toThrow();
  expect(() => checkEtag('', 7n)).not.toThrow();
  for (const etag of [formatEtag(6), 'x', '"']) {
    expect(() => checkEtag(etag, 7n)).toThrow(
      expect.objectContaining({ kind: 'ABORTED', reason: 'ETAG_STALE' }),
    );
  }
});
