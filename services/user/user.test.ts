import { describe, expect, it } from 'vitest';
import { mayAccess, normaliseEmail, parseDisplayName, targetOf } from './user.ts';

describe('an address', () => {
  it('is compared without case, white space around it and ways to compose a letter', () => {
    expect(normaliseEmail('  Ada.Lovelace@Souk.Example ')).toBe('ada.lovelace@souk.example');
    expect(normaliseEmail('e\u0301@souk.example')).toBe('\u00e9@souk.example');
  });

  it('never holds what PostgreSQL can not', () => {
    expect(normaliseEmail('a\0b')).not.toContain('\0');
  });
});

describe('a display name', () => {
  it('is kept without white space around it', () => {
    expect(parseDisplayName('  Ada  ', 'display_name')).toBe('Ada');
    // Characters, not UTF-16 code units.
    expect(parseDisplayName('\u{1f9de}'.repeat(100), 'display_name')).toHaveLength(200);
  });

  it.each(['', '   ', 'x'.repeat(101), 'a\0b', 'a\nb'])('%j is refused', (name) => {
    expect(() => parseDisplayName(name, 'user.display_name')).toThrow(
      expect.objectContaining({
        kind: 'INVALID_ARGUMENT',
        violations: [expect.objectContaining({ field: 'user.display_name' })],
      }),
    );
  });
});

describe('access', () => {
  const caller = { userId: 'a', role: 'customer' } as const;

  it("is to one's own account, and for an admin to any", () => {
    expect(() => mayAccess('a', caller)).not.toThrow();
    expect(() => mayAccess('b', { userId: 'a', role: 'admin' })).not.toThrow();
    expect(() => mayAccess('b', caller)).toThrow(expect.objectContaining({ kind: 'NOT_FOUND' }));
  });

  it("is to the caller's own where no id is given, and ids have no case", () => {
    expect(targetOf('', caller)).toBe('a');
    expect(targetOf('0190AAAA-0000-7000-8000-00000000000A', caller)).toBe(
      '0190aaaa-0000-7000-8000-00000000000a',
    );
  });
});
