import { Metadata } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { createAuthenticate } from './authenticate.ts';
import { createMeshIdentity } from './mesh-identity.ts';

const secret = 'a secret of the sidecar';
const spiffe = (name: string) => `spiffe://souk.local/ns/souk/sa/${name}`;
const header = (name: string) => `By=${spiffe('product')};Hash=6e1f;URI=${spiffe(name)}`;

function metadata(headers: Record<string, string>): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(headers)) made.set(name, value);
  return made;
}
const call = (caller: string, given = secret) =>
  metadata({ 'x-souk-sidecar': given, 'x-forwarded-client-cert': caller });
const identify = createMeshIdentity(secret);

it('takes the name in the certificate, again and again', () => {
  expect(identify(call(header('order')))).toBe('order');
  expect(identify(call(header('gateway')))).toBe('gateway');
  expect(identify(call(header('order')))).toBe('order');
});

it.each([
  ['no secret', metadata({ 'x-forwarded-client-cert': header('order') })],
  ['a wrong secret', call(header('order'), 'another')],
])('refuses a call with %s, whatever it says of itself', (_, given) => {
  expect(() => identify(given)).toThrow(expect.objectContaining({ reason: 'NOT_THROUGH_SIDECAR' }));
});

it.each([
  ['nobody', ''],
  ['two callers', `${header('user')},${header('order')}`],
  ['a name that is no service account', 'By=x;URI=spiffe://souk.local/order'],
  ['a name within another', `By=x;Subject="URI=${spiffe('order')}`],
])('refuses a call that names %s', (_, caller) => {
  expect(() => identify(call(caller))).toThrow(expect.objectContaining({ reason: 'CALLER_UNKNOWN' }));
});

it('makes services of services, and of the gateway whoever its token names', () => {
  const authenticate = createAuthenticate({ sidecarSecret: secret, serviceTokens: new Map([['user', 'x']]) });
  expect(authenticate(call(header('order')))).toEqual({ kind: 'service', name: 'order' });
  expect(authenticate(call(header('gateway')))).toEqual({ kind: 'anonymous' });
  const forged = call(header('gateway'));
  forged.set('x-souk-service', 'user');
  forged.set('x-souk-service-token', 'x');
  expect(authenticate(forged)).toEqual({ kind: 'anonymous' });
});
