import { Access } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { type DomainError, fail } from '../errors.ts';
import type { Caller } from './context.ts';
import type { Policy } from './policy.ts';

/** Throws UNAUTHENTICATED or PERMISSION_DENIED unless the policy lets `caller` in. */
export function authorize(policy: Policy, caller: Caller): void {
  const named = caller.kind === 'service' && policy.callers.has(caller.name);
  switch (policy.access) {
    case Access.PUBLIC:
      return;
    case Access.USER:
      if (caller.kind === 'user' || named) return;
      throw caller.kind === 'anonymous'
        ? tokenMissing()
        : denied('USER_REQUIRED', 'Only a signed-in user may call this.');
    case Access.ADMIN:
      if ((caller.kind === 'user' && caller.role === 'admin') || named) return;
      throw caller.kind === 'anonymous'
        ? tokenMissing()
        : denied('ADMIN_REQUIRED', 'Only an admin may call this.');
    case Access.SERVICE:
      if (named) return;
      throw caller.kind === 'anonymous'
        ? fail('UNAUTHENTICATED', 'SERVICE_TOKEN_MISSING', 'Only other services may call this.')
        : denied('CALLER_NOT_ALLOWED', 'This caller may not call this.');
    default:
      throw denied('CALLER_NOT_ALLOWED', 'Nobody may call this.');
  }
}

const tokenMissing = (): DomainError =>
  fail(
    'UNAUTHENTICATED',
    'TOKEN_MISSING',
    'An access token is needed: send it as "authorization: Bearer <token>".',
  );

const denied = (reason: string, message: string): DomainError => fail('PERMISSION_DENIED', reason, message);
