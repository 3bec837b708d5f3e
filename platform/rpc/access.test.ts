import { create, toBinary } from '@bufbuild/protobuf';
import {
  GetProductRequestSchema,
  ProductService,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { expect, test } from 'vitest';
import { createTokenVerifier } from '../auth/access-token.ts';
import { createAuthenticate } from '../auth/authenticate.ts';
import { remoteKeys } from '../auth/keys.ts';
import { uuidv7 } from '../id.ts';
import { testServer } from '../testing/server.ts';
import { createTestIssuer } from '../testing/tokens.ts';
import type { Caller } from './context.ts';
import { implement } from './routes.ts';

const issuer = await createTestIssuer();
const callers: Caller[] = [];
const record = (_request: unknown, context: { caller: Caller }) => {
  callers.push(context.caller);
  return {};
};
const implementations = [
  implement(ProductService, {
    createProduct: record,
    updateProduct: record,
    deleteProduct: record,
    getProduct: record,
    batchGetProducts: record,
    listProducts: record,
  }),
];
const GET = '/shop.product.v1.ProductService/GetProduct';
const DELETE = '/shop.product.v1.ProductService/DeleteProduct';
const request = toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId: uuidv7() }));
const bearer = (token: string) => ({ metadata: { authorization: `Bearer ${token}` } });

test('an admin method tells missing, expired, bad and insufficient credentials apart', async () => {
  const authenticate = createAuthenticate({ verifier: issuer.verifier });
  const { call, lines } = await testServer({ implementations, authenticate });
  const verdict = async (options?: { metadata: { authorization: string } }) => {
    const { code, details } = await call(DELETE, request, options);
    return `${code} ${details.reason}`;
  };
  const admin = await issuer.token({ role: 'admin' });
  expect(await verdict()).toBe('UNAUTHENTICATED TOKEN_MISSING');
  expect(await verdict(bearer(await issuer.token({ ttlSeconds: -5 })))).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
  expect(await verdict(bearer('x.y.z'))).toBe('UNAUTHENTICATED TOKEN_INVALID');
  expect(await verdict(bearer(await issuer.token()))).toBe('PERMISSION_DENIED ADMIN_REQUIRED');
  // The second time it comes from memory.
  expect(await verdict(bearer(admin))).toBe('OK ');
  expect(await verdict(bearer(admin))).toBe('OK ');
  expect(JSON.stringify(lines)).not.toContain(admin.slice(-20));
});

test('access is decided before the request is looked at', async () => {
  const { call } = await testServer({ implementations });
  expect((await call(DELETE, Buffer.from([0xff]))).code).toBe('UNAUTHENTICATED');
});

test('a public method knows a good token and ignores a bad one, also when keys can not be had', async () => {
  const authenticate = createAuthenticate({ verifier: issuer.verifier });
  const { call } = await testServer({ implementations, authenticate });
  const token = await issuer.token({ userId: 'u-9' });
  callers.length = 0;
  await call(GET, request, bearer(token));
  await call(GET, request, bearer('x.y.z'));
  await call(GET, request, { metadata: { authorization: 'nonsense' } });
  expect(callers.map((caller) => caller.kind)).toEqual(['user', 'anonymous', 'anonymous']);

  const keyless = createTokenVerifier({ keys: remoteKeys(() => Promise.reject(new Error('down'))) });
  const without = await testServer({
    implementations,
    authenticate: createAuthenticate({ verifier: keyless }),
  });
  expect((await without.call(GET, request, bearer(token))).code).toBe('OK');
  const refused = await without.call(DELETE, request, bearer(token));
  expect(refused).toMatchObject({
    code: 'UNAVAILABLE',
    details: { reason: 'SIGNING_KEYS_UNAVAILABLE', retryAfterMs: 1000 },
  });
});

test('not even a public method is open to who comes past the sidecar', async () => {
  const authenticate = createAuthenticate({ verifier: issuer.verifier, sidecarSecret: 'of the sidecar' });
  const { call } = await testServer({ implementations, authenticate });
  const from = (sidecar: string, caller: string) =>
    call(GET, request, { metadata: { 'x-souk-sidecar': sidecar, 'x-forwarded-client-cert': caller } });
  const gateway = 'URI=spiffe://souk.local/ns/souk/sa/gateway';
  expect((await from('of the sidecar', gateway)).code).toBe('OK');
  expect(await from('forged', gateway)).toMatchObject({
    code: 'UNAUTHENTICATED',
    details: { reason: 'NOT_THROUGH_SIDECAR' },
  });
  expect(await from('of the sidecar', '')).toMatchObject({
    code: 'UNAUTHENTICATED',
    details: { reason: 'CALLER_UNKNOWN' },
  });
});
