import { createHmac, createPublicKey } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { createTestIssuer } from '../testing/tokens.ts';
import { createTokenVerifier } from './access-token.ts';

const issuer = await createTestIssuer();
const { verifier } = issuer;
const refused = (reason: string) => expect.objectContaining({ kind: 'UNAUTHENTICATED', reason });
const outcome = async (token: string): Promise<unknown> => {
  try {
    return await verifier.verify(token);
  } catch (error) {
    return error;
  }
};
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string) => token.split('.')[1] as string;

test('a valid token names its user, and the next time at once', async () => {
  const token = await issuer.token({ userId: 'u-1', role: 'admin', sessionId: 's-1' });
  const caller = { kind: 'user', userId: 'u-1', role: 'admin', sessionId: 's-1' };
  expect(verifier.verify(token)).toBeInstanceOf(Promise);
  expect(await verifier.verify(token)).toEqual(caller);
  expect(verifier.verify(token)).toEqual(caller);
});

test('a remembered token is refused once it has expired', async () => {
  const token = await issuer.token({ ttlSeconds: 60 });
  await verifier.verify(token);
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] });
  try {
    expect(await outcome(token)).toEqual(refused('TOKEN_EXPIRED'));
    expect(await outcome(token)).toEqual(refused('TOKEN_EXPIRED'));
  } finally {
    vi.useRealTimers();
  }
});

test('an expired token is refused', async () => {
  expect(await outcome(await issuer.token({ ttlSeconds: -1 }))).toEqual(refused('TOKEN_EXPIRED'));
});

test('wrong audience, wrong issuer, unknown role and empty subject are refused', async () => {
  for (const claims of [{ audience: 'other' }, { issuer: 'other' }, { role: 'root' }, { userId: '' }]) {
    expect(await outcome(await issuer.token(claims))).toEqual(refused('TOKEN_INVALID'));
  }
});

test('a change of any part is refused, also after the original was remembered', async () => {
  const token = await issuer.token({ role: 'customer' });
  await verifier.verify(token);
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
  for (const tampered of [
    `${header}.${encode({ ...claims, role: 'admin' })}.${signature}`,
    `${header}.${payload}.${flipped}`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    token.slice(0, -2),
  ]) {
    expect(await outcome(tampered)).toEqual(refused('TOKEN_INVALID'));
  }
});

test('the algorithm none is refused', async () => {
  const payload = payloadOf(await issuer.token({ role: 'admin' }));
  for (const alg of ['none', 'None', 'NONE']) {
    expect(await outcome(`${encode({ alg, kid: issuer.keyId })}.${payload}.`)).toEqual(
      refused('TOKEN_INVALID'),
    );
  }
});

test('HS256 keyed with the public key is refused', async () => {
  const jwk = JSON.parse(issuer.listed.publicKeyJwk);
  const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  const signed = `${encode({ alg: 'HS256', kid: issuer.keyId })}.${payloadOf(await issuer.token())}`;
  for (const key of [pem, issuer.listed.publicKeyJwk]) {
    const signature = createHmac('sha256', key).update(signed).digest('base64url');
    expect(await outcome(`${signed}.${signature}`)).toEqual(refused('TOKEN_INVALID'));
  }
});

test("another issuer's key is refused under its own id and under ours", async () => {
  const foreign = await createTestIssuer();
  const impostor = await createTestIssuer(issuer.keyId);
  expect(await outcome(await foreign.token())).toEqual(refused('TOKEN_INVALID'));
  expect(await outcome(await impostor.token())).toEqual(refused('TOKEN_INVALID'));
});

test('what is no token at all is refused', async () => {
  for (const text of ['', 'x', 'a.b.c', '..', 'é.é.é', 'a'.repeat(10_000), `${encode({})}.${encode({})}.x`]) {
    expect(await outcome(text)).toEqual(refused('TOKEN_INVALID'));
  }
});

test("the key source's failure is passed on, not called a bad token", async () => {
  const { remoteKeys } = await import('./keys.ts');
  const down = createTokenVerifier({ keys: remoteKeys(() => Promise.reject(new Error('down'))) });
  await expect(down.verify(await issuer.token())).rejects.toMatchObject({
    kind: 'UNAVAILABLE',
    reason: 'SIGNING_KEYS_UNAVAILABLE',
    retryAfterMs: 1000,
  });
});
