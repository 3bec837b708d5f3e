import { createHash } from 'node:crypto';
import { fail, invalidField } from '../../platform/errors.ts';

/** What a person may do: `admin` runs the shop. */
export type Role = 'customer' | 'admin';

/** An account that is not deleted. */
export interface User {
  readonly id: string;
  /** Normalised; see {@link normaliseEmail}. */
  readonly email: string;
  readonly displayName: string;
  readonly role: Role;
  /** Grows with each change. */
  readonly version: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What an account is called, for services that show it beside their own data. */
export interface DisplayName {
  readonly userId: string;
  readonly displayName: string;
  /** The account's. */
  readonly version: bigint;
}

/** New values of an account's fields; absent ones stay. */
export interface UserChange {
  readonly displayName?: string;
  readonly email?: string;
  readonly role?: Role;
}

const MAX_DISPLAY_NAME = 100;

/** The form in which addresses are kept and compared: without white space around, NFC, lower case. */
export function normaliseEmail(email: string): string {
  // U+0000 is in no address, and PostgreSQL's text can't hold it.
  return email.trim().normalize('NFC').toLowerCase().replaceAll('\0', '\ufffd');
}

/** The SHA-256 of a normalised address, for what must find an account's rows whether or not there is an account. */
export function emailDigest(email: string): Buffer {
  return createHash('sha256').update(email).digest();
}

/** A display name as it is kept, without white space around. Throws INVALID_ARGUMENT, with `field` at fault. */
export function parseDisplayName(name: string, field: string): string {
  const trimmed = name.trim();
  const { length } = Array.from(trimmed);
  if (length < 1 || length > MAX_DISPLAY_NAME) {
    throw invalidField(field, `must have 1 to ${MAX_DISPLAY_NAME} characters beside white space around it`);
  }
  if (/\p{Cc}/u.test(trimmed)) throw invalidField(field, 'must not contain control characters');
  return trimmed;
}

/** The id a request means: its own, or the caller's where it is empty. */
export function targetOf(userId: string, caller: { readonly userId: string }): string {
  // A UUID's case doesn't count, and PostgreSQL answers in lower case.
  return userId === '' ? caller.userId : userId.toLowerCase();
}

/** Throws NOT_FOUND, as for an account that doesn't exist, where `caller` may not see the account `target`. */
export function mayAccess(target: string, caller: { readonly userId: string; readonly role: Role }): void {
  if (target !== caller.userId && caller.role !== 'admin') throw userNotFound();
}

/** No such account, deleted, or another's. */
export const userNotFound = () => fail('NOT_FOUND', 'USER_NOT_FOUND', 'There is no such user.');

/** The address belongs to another account. */
export const emailTaken = (field: string) =>
  fail('ALREADY_EXISTS', 'EMAIL_TAKEN', 'There is an account with this address.', {
    violations: [{ field, description: 'has an account already' }],
  });

/** Deleting or demoting would leave the shop without an admin. */
export const lastAdmin = () =>
  fail('FAILED_PRECONDITION', 'LAST_ADMIN', 'This is the only admin. Make somebody else an admin first.');
