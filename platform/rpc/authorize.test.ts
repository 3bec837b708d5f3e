import { Access } from '@souk/contracts/shop/contract/v1/policy_pb.js';
import { expect, test } from 'vitest';
import { authorize } from './authorize.ts';
import type { Caller } from './context.ts';

const callers: Record<string, Caller> = {
  anonymous: { kind: 'anonymous' },
  customer: { kind: 'user', userId: 'u', role: 'customer', sessionId: 's' },
  admin: { kind: 'user', userId: 'a', role: 'admin', sessionId: 's' },
  order: { kind: 'service', name: 'order' },
  user: { kind: 'service', name: 'user' },
};
const verdict = (access: Access, caller: Caller): string => {
  try {
    authorize({ access, callers: new Set(['order']), timeoutMs: 1, safe: true }, caller);
    return 'OK';
  } catch (error) {
    return `${(error as { kind: string }).kind} ${(error as { reason: string }).reason}`;
  }
};

test.each([
  [Access.PUBLIC, ['OK', 'OK', 'OK', 'OK', 'OK']],
  [Access.USER, ['UNAUTHENTICATED TOKEN_MISSING', 'OK', 'OK', 'OK', 'PERMISSION_DENIED USER_REQUIRED']],
  [
    Access.ADMIN,
    [
      'UNAUTHENTICATED TOKEN_MISSING',
      'PERMISSION_DENIED ADMIN_REQUIRED',
      'OK',
      'OK',
      'PERMISSION_DENIED ADMIN_REQUIRED',
    ],
  ],
  [
    Access.SERVICE,
    [
      'UNAUTHENTICATED SERVICE_TOKEN_MISSING',
      'PERMISSION_DENIED CALLER_NOT_ALLOWED',
      'PERMISSION_DENIED CALLER_NOT_ALLOWED',
      'OK',
      'PERMISSION_DENIED CALLER_NOT_ALLOWED',
    ],
  ],
  [Access.UNSPECIFIED, Array(5).fill('PERMISSION_DENIED CALLER_NOT_ALLOWED')],
])('access %s lets in whom it should', (access, expected) => {
  expect(Object.values(callers).map((caller) => verdict(access, caller))).toEqual(expected);
});
