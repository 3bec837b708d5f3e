import { createHash } from 'node:crypto';
import { fail } from '../errors.ts';
import { isUuid } from '../id.ts';

interface CursorValue {
  string: string;
  /** A finite number. */
  number: number;
  /** Within PostgreSQL's bigint. */
  bigint: bigint;
  uuid: string;
}
/** The type of one cursor value. */
export type CursorKind = keyof CursorValue;
type Cursor<Shape extends readonly CursorKind[]> = { [Index in keyof Shape]: CursorValue[Shape[Index]] };

/** Makes and reads the page tokens of one list in one order. */
export interface PageTokens<Shape extends readonly CursorKind[]> {
  /** The token for the page after the row with these cursor values. */
  encode(filter: unknown, cursor: Cursor<Shape>): string;
  /** The cursor in `token`. Throws INVALID_ARGUMENT, reason PAGE_TOKEN_INVALID. */
  decode(filter: unknown, token: string): Cursor<Shape>;
}

const CHECKSUM_BYTES = 12;
const MAX_TOKEN_LENGTH = 2048;
const INT64 = /^-?\d{1,19}$/;
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Page tokens of the list `list` (its name and order; change it whenever the cursor's meaning changes), whose
 * cursor has the given shape. A token is bound to its list and to the filter it was made with (any JSON value).
 * It carries a checksum and no signature, because a cursor grants nothing: a forged one only names a place in
 * a list that the caller may read anyway. Its values are type-checked all the same, so they are safe in SQL.
 */
export function createPageTokens<const Shape extends readonly CursorKind[]>(
  list: string,
  shape: Shape,
): PageTokens<Shape> {
  function checksum(filter: unknown, payload: Buffer): Buffer {
    const hash = createHash('sha256')
      .update(JSON.stringify([1, list, shape, filter ?? null]))
      .update(payload);
    return hash.digest().subarray(0, CHECKSUM_BYTES);
  }

  return {
    encode(filter, cursor) {
      const values = (cursor as readonly unknown[]).map((value) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
      const payload = Buffer.from(JSON.stringify(values));
      return Buffer.concat([checksum(filter, payload), payload]).toString('base64url');
    },

    decode(filter, token) {
      if (token.length > MAX_TOKEN_LENGTH) throw invalid();
      const bytes = Buffer.from(token, 'base64url');
      const payload = bytes.subarray(CHECKSUM_BYTES);
      if (!checksum(filter, payload).equals(bytes.subarray(0, CHECKSUM_BYTES))) throw invalid();
      return parse(payload, shape) as unknown as Cursor<Shape>;
    },
  };
}

function parse(payload: Buffer, shape: readonly CursorKind[]): unknown[] {
  let values: unknown;
  try {
    values = JSON.parse(payload.toString());
  } catch {
    throw invalid();
  }
  if (!Array.isArray(values) || values.length !== shape.length) throw invalid();
  return shape.map((kind, index) => parseValue(kind, values[index]));
}

function parseValue(kind: CursorKind, value: unknown): unknown {
  // PostgreSQL's text can't hold U+0000.
  if (kind === 'string' && typeof value === 'string' && !value.includes('\0')) return value;
  if (kind === 'number' && typeof value === 'number') return value;
  if (kind === 'uuid' && typeof value === 'string' && isUuid(value)) return value;
  if (kind === 'bigint' && typeof value === 'string' && INT64.test(value)) {
    const number = BigInt(value);
    if (number <= INT64_MAX && number >= -INT64_MAX - 1n) return number;
  }
  throw invalid();
}

const invalid = () =>
  fail(
    'INVALID_ARGUMENT',
    'PAGE_TOKEN_INVALID',
    'The page token is not one that this list returned for this filter.',
    {
      violations: [
        { field: 'page_token', description: 'is not a token that this list returned for this filter' },
      ],
    },
  );
