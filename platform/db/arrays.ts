import { writeUuid } from '../id.ts';

/**
 * Arrays as PostgreSQL sends them to itself: a fraction of the work of text, for both ends, where there are many
 * elements. Each is a parameter of that array type, `${uuids(ids)}::uuid[]`. The format is array_recv's: the number of
 * dimensions, whether there are nulls, the elements' type; length and first index; then each element after its length.
 */

/** One parameter, encoded at once: pg could not go on from a failure in the midst of sending. */
export class BinaryArray<T = unknown> {
  readonly elements: readonly T[];
  readonly #encode: (elements: readonly T[]) => Buffer;
  readonly #encoded: Buffer;

  /** Throws a TypeError on an element that isn't of the type. */
  constructor(elements: readonly T[], encode: (elements: readonly T[]) => Buffer) {
    this.elements = elements;
    this.#encode = encode;
    this.#encoded = encode(elements);
  }

  /** What pg asks of any object that is a parameter. */
  toPostgres(): Buffer {
    return this.#encoded;
  }

  /** The same type with other elements. */
  map(change: (element: T) => T): BinaryArray<T> {
    return new BinaryArray(this.elements.map(change), this.#encode);
  }
}

/** UUIDs, in whichever case, for `uuid[]`. */
export const uuids = (values: readonly string[]): BinaryArray<string> => new BinaryArray(values, encodeUuids);

/** Whole numbers for `bigint[]`. */
export const bigints = (values: readonly bigint[]): BinaryArray<bigint> =>
  new BinaryArray(values, encodeBigints);

/** Strings for `text[]`, short ones: until they are sent they take three bytes for each character. */
export const texts = (values: readonly string[]): BinaryArray<string> => new BinaryArray(values, encodeTexts);

/** Bytes for `bytea[]`. */
export const byteas = (values: readonly Uint8Array[]): BinaryArray<Uint8Array> =>
  new BinaryArray(values, encodeByteas);

/** OIDs of pg_type. */
const BYTEA = 17;
const INT8 = 20;
const TEXT = 25;
const UUID = 2950;
const HEADER_BYTES = 20;

function encodeUuids(values: readonly string[]): Buffer {
  const array = allocate(UUID, values.length, 16 * values.length);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(16, at);
    if (!writeUuid(value, array, at)) throw new TypeError('this is no UUID');
    at += 16;
  }
  return array;
}

function encodeBigints(values: readonly bigint[]): Buffer {
  const array = allocate(INT8, values.length, 8 * values.length);
  let at = HEADER_BYTES;
  for (const value of values) at = array.writeBigInt64BE(value, array.writeInt32BE(8, at));
  return array;
}

function encodeTexts(values: readonly string[]): Buffer {
  // Of UTF-8 there are three bytes at the most for each of the string's units: cheaper than counting.
  const most = values.reduce((sum, { length }) => sum + 3 * length, 0);
  const array = allocate(TEXT, values.length, most);
  let at = HEADER_BYTES;
  for (const value of values) {
    const length = array.write(value, at + 4);
    array.writeInt32BE(length, at);
    at += 4 + length;
  }
  return array.subarray(0, at);
}

function encodeByteas(values: readonly Uint8Array[]): Buffer {
  const bytes = values.reduce((sum, { length }) => sum + length, 0);
  const array = allocate(BYTEA, values.length, bytes);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = array.writeInt32BE(value.length, at);
    array.set(value, at);
    at += value.length;
  }
  return array;
}

function allocate(type: number, count: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + 4 * count + bytes);
  array.writeInt32BE(1, 0);
  array.writeInt32BE(0, 4);
  array.writeInt32BE(type, 8);
  array.writeInt32BE(count, 12);
  array.writeInt32BE(1, 16);
  return array;
}
