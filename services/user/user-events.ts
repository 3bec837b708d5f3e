import {
  CreditGrantedSchema,
  UserDeletedSchema,
  UserRegisteredSchema,
  UserUpdatedSchema,
} from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { Role as RoleMessage } from '@souk/contracts/shop/user/v1/user_pb.js';
import { type NewEvent, newEvent } from '../../platform/events/event.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import type { Role } from './user.ts';

// What this service publishes: of a person nothing but the id. `trace` is that of the call that made the change.

/** The parts of an account that events tell. */
export interface PublicAccount {
  readonly id: string;
  readonly role: Role;
  readonly version: bigint;
}

/** The role as the contract says it. */
export const toRole = (role: Role): RoleMessage =>
  role === 'admin' ? RoleMessage.ADMIN : RoleMessage.CUSTOMER;

const account = ({ id, role, version }: PublicAccount) => ({ userId: id, role: toRole(role), version });

/** An account was made. */
export const userRegistered = (user: PublicAccount, trace?: TraceContext): NewEvent =>
  newEvent(UserRegisteredSchema, user.id, account(user), trace);

/** An account was changed; `user` is what it is now. */
export const userUpdated = (user: PublicAccount, trace?: TraceContext): NewEvent =>
  newEvent(UserUpdatedSchema, user.id, account(user), trace);

/** An account was deleted; `version` is its last. */
export const userDeleted = (userId: string, version: bigint, trace?: TraceContext): NewEvent =>
  newEvent(UserDeletedSchema, userId, { userId, version }, trace);

/** Credit was granted, in minor units. */
export const creditGranted = (
  {
    userId,
    currency,
    amount,
  }: { readonly userId: string; readonly currency: string; readonly amount: bigint },
  trace?: TraceContext,
): NewEvent =>
  newEvent(
    CreditGrantedSchema,
    userId,
    { userId, amount: { currencyCode: currency, minorUnits: amount } },
    trace,
  );
