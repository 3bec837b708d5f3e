import { describe, expect, it } from 'vitest';
import { createSigningKeyCipher } from './signing-key-cipher.ts';

const SECRET = 'a secret of the operator';

describe('the signing key cipher', () => {
  it('opens what it sealed, and nothing of it can be read without', () => {
    const cipher = createSigningKeyCipher(SECRET);
    const sealed = cipher.seal('key-1', '{"d":"private"}');
    expect(cipher.sealed).toBe(true);
    expect(sealed.toString('latin1')).not.toContain('private');
    expect(createSigningKeyCipher(SECRET).open('key-1', sealed, true)).toBe('{"d":"private"}');
    expect(cipher.seal('key-1', '{"d":"private"}')).not.toEqual(sealed);
  });

  it.each([
    ['another secret', () => createSigningKeyCipher('another secret, as long'), 'key-1'],
    ["another key's id", () => createSigningKeyCipher(SECRET), 'key-2'],
  ])('does not open with %s', (_, make, keyId) => {
    const sealed = createSigningKeyCipher(SECRET).seal('key-1', '{}');
    expect(() => make().open(keyId, sealed, true)).toThrow(/SIGNING_KEY_SECRET is not the one/);
  });

  it('does not open what was tampered with', () => {
    const cipher = createSigningKeyCipher(SECRET);
    const sealed = cipher.seal('key-1', '{"d":"private"}');
    sealed[14] = (sealed[14] ?? 0) ^ 1;
    expect(() => cipher.open('key-1', sealed, true)).toThrow(/SIGNING_KEY_SECRET/);
  });

  it('without a secret seals nothing, and names the setting that is missing', () => {
    const cipher = createSigningKeyCipher(undefined);
    expect(cipher.open('key-1', cipher.seal('key-1', '{}'), cipher.sealed)).toBe('{}');
    const sealed = createSigningKeyCipher(SECRET).seal('key-1', '{}');
    expect(() => cipher.open('key-1', sealed, true)).toThrow(/SIGNING_KEY_SECRET is missing/);
  });

  it('with a secret still opens what was kept in clear before', () => {
    expect(createSigningKeyCipher(SECRET).open('key-1', Buffer.from('{}'), false)).toBe('{}');
  });
});
