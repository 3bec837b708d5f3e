import { type DomainError, fail, invalidField } from '../../platform/errors.ts';

/** An amount in the currency's minor unit. */
export interface Money {
  /** ISO 4217 code, upper case. */
  readonly currency: string;
  readonly minorUnits: bigint;
}

/** Something the shop sells. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price: Money;
  /** Pieces that can be ordered now. */
  readonly available: bigint;
  /** Grows with each change, though not with the stock's. */
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** New values of a product's fields; what is absent stays. */
export interface ProductChange {
  readonly name?: string;
  readonly description?: string;
  readonly price?: Money;
}

/** A product's new name: trimmed. Throws INVALID_ARGUMENT for `field` when nothing is left. */
export function parseName(name: string, field: string): string {
  const trimmed = storable(name, field).trim();
  if (trimmed === '') throw invalidField(field, 'must not be blank');
  return trimmed;
}

/** A product's new description. Throws INVALID_ARGUMENT for `field`. */
export function parseDescription(description: string, field: string): string {
  return storable(description, field);
}

/** `text`, if PostgreSQL can hold it. Throws INVALID_ARGUMENT for `field`. */
export function storable(text: string, field: string): string {
  if (text.includes('\0')) throw invalidField(field, 'must not contain the character U+0000');
  return text;
}

/** What a page token can carry beside an id, in bytes of UTF-8. */
const MAX_KEY_BYTES = 400;

/**
 * What names are ordered by, byte by byte: without case, accents and control characters. Very long names (over 133
 * characters of a script beyond Latin, Greek or Cyrillic) are ordered by their beginning.
 */
export function nameKey(name: string): string {
  const key = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[\p{Cc}\s]+/gu, ' ');
  const bytes = Buffer.from(key);
  if (bytes.length <= MAX_KEY_BYTES) return key;
  // A character that the cut would split is left out.
  return new TextDecoder().decode(bytes.subarray(0, MAX_KEY_BYTES), { stream: true });
}

/** The one form in which ids are compared: UUIDs may come in upper case. */
export const normaliseId = (id: string): string => id.toLowerCase();

/** There is no such product, or it was deleted. */
export function productNotFound(id: string): DomainError {
  return fail('NOT_FOUND', 'PRODUCT_NOT_FOUND', `There is no product ${id}.`, {
    metadata: { product_id: id },
  });
}
