import { Metadata } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { createTestIssuer } from '../testing/tokens.ts';
import { createAuthenticate } from './authenticate.ts';

const secret = 'a-secret-of-the-order-service';
const issuer = await createTestIssuer();
const serviceTokens = new Map([['order', secret]]);
const authenticate = createAuthenticate({ verifier: issuer.verifier, serviceTokens });
const call = async (headers: Record<string, string>, by = authenticate): Promise<unknown> => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  return by(metadata);
};
const refused = (reason: string) => ({ kind: 'UNAUTHENTICATED', reason });

test('no credentials are anonymous', async () => {
  expect(await call({})).toEqual({ kind: 'anonymous' });
});

test('a bearer token names a user, whatever the case of the scheme', async () => {
  const token = await issuer.token({ userId: 'u' });
  expect(await call({ authorization: `Bearer ${token}` })).toMatchObject({ kind: 'user', userId: 'u' });
  expect(await call({ authorization: `bearer  ${token}` })).toMatchObject({ kind: 'user', userId: 'u' });
});

test.each(['', 'Bearer', 'Bearer ', 'Basic dTpw', 'Bearer a b', 'token'])(
  '%j is no bearer token',
  async (header) => {
    await expect(call({ authorization: header })).rejects.toMatchObject(refused('TOKEN_INVALID'));
  },
);

test('a service proves its name', async () => {
  const headers = { 'x-souk-service': 'order', 'x-souk-service-token': secret };
  expect(await call(headers)).toEqual({ kind: 'service', name: 'order' });
  expect(await call({ ...headers, authorization: 'Bearer x' })).toEqual({ kind: 'service', name: 'order' });
});

test('a wrong, missing or empty secret, or an unknown name, is refused', async () => {
  for (const [name, token] of [
    ['order', `${secret}x`],
    ['order', ''],
    ['order', undefined],
    ['user', secret],
    ['', ''],
    ['user', ''],
  ]) {
    const headers = {
      'x-souk-service': name as string,
      ...(token !== undefined && { 'x-souk-service-token': token }),
    };
    await expect(call(headers)).rejects.toMatchObject(refused('SERVICE_TOKEN_INVALID'));
  }
});

test('where services are not known their metadata counts for nothing', async () => {
  const usersOnly = createAuthenticate({ verifier: issuer.verifier });
  const headers = { 'x-souk-service': 'order', 'x-souk-service-token': secret };
  expect(await call(headers, usersOnly)).toEqual({ kind: 'anonymous' });
});
