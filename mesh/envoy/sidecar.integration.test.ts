import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Authority, createAuthority } from '../identity/authority.ts';
import { loopback } from '../local/free-port.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { type Backend, startBackend } from '../testing/backend.ts';
import { type Caller, createCaller } from '../testing/call.ts';
import { createTestMesh, SECRET, type TestSidecar } from '../testing/sidecar.ts';
import { readContractFile } from './contract.ts';
import { type Resource, typed } from './resource.ts';

const contract = readContractFile(descriptorSetFile);
const getProduct = '/shop.product.v1.ProductService/GetProduct';
const updateProduct = '/shop.product.v1.ProductService/UpdateProduct'; // not idempotent: never tried again
const spiffe = (name: string) => `spiffe://souk.local/ns/souk/sa/${name}`;

/** Everybody whose certificate is good: these tests are about who is. */
const everybody: Resource = {
  name: 'envoy.filters.http.rbac',
  typed_config: typed('envoy.extensions.filters.http.rbac.v3.RBAC', {
    rules: {
      action: 'ALLOW',
      policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } },
    },
  }),
};

const mesh = createTestMesh(['user', 'product', 'order']);
const callers: Caller[] = [];
let authority: Authority;
let product: Backend;
let callee: TestSidecar;
let order: TestSidecar;

beforeAll(async () => {
  authority = await createAuthority();
  product = await startBackend(contract, 'product');
  callee = await mesh.start({ name: 'product-1', servicePort: product.port, authority, rbac: everybody });
  order = await mesh.start({ name: 'order-1', servicePort: 1, authority, rbac: everybody });
  mesh.registry.add('product', 'product-1', { host: loopback, port: callee.inboundPort });
});
afterAll(async () => {
  for (const caller of callers) caller.close();
  await mesh.stop();
  product.kill();
});

function through({ outboundPort }: TestSidecar): Caller {
  const caller = createCaller(outboundPort);
  callers.push(caller);
  return caller;
}
const answered = (caller: Caller, code: string) =>
  expect.poll(async () => (await caller.call(getProduct)).code, { timeout: 10_000 }).toBe(code);

it('tells the callee whose certificate a call came with, and drops what the caller says of itself', async () => {
  const caller = through(order);
  await answered(caller, 'OK');
  const forged = { 'x-forwarded-client-cert': `URI=${spiffe('gateway')}`, 'x-souk-sidecar': 'forged' };
  expect(await caller.call(updateProduct, forged)).toMatchObject({ code: 'OK' });
  const received = product.calls.at(-1)?.metadata;
  expect(received?.get('x-forwarded-client-cert')).toEqual([
    expect.stringMatching(
      `^By=${spiffe('product')};Hash=[0-9a-f]{64};URI=${spiffe('order').replaceAll('.', '\\.')}$`,
    ),
  ]);
  expect(received?.get('x-souk-sidecar')).toEqual([SECRET]);
});

it('renews certificates while calls go on, without a failed one', async () => {
  const caller = through(order);
  await answered(caller, 'OK');
  const hashes = new Set<string>();
  for (let round = 0; round < 5; round++) {
    await callee.identity.renew();
    await order.identity.renew();
    for (let calls = 0; calls < 30; calls++) {
      expect(await caller.call(updateProduct)).toMatchObject({ code: 'OK' });
    }
  }
  for (const { metadata } of product.calls) hashes.add(String(metadata.get('x-forwarded-client-cert')[0]));
  // A connection keeps the certificate that it began with; a new one has the new.
  await callee.stop();
  callee = await mesh.start({ name: 'product-1', servicePort: product.port, authority, rbac: everybody });
  mesh.registry.add('product', 'product-1', { host: loopback, port: callee.inboundPort });
  await answered(caller, 'OK');
  expect(hashes).not.toContain(String(product.calls.at(-1)?.metadata.get('x-forwarded-client-cert')[0]));
});

it.each([
  ['another authority’s', async () => ({ authority: await createAuthority() })],
  ['an expired', async () => ({ authority, lifetimeMs: -1 })],
])('refuses %s certificate', async (_, how) => {
  const stranger = await mesh.start({ name: 'order-2', servicePort: 1, rbac: everybody, ...(await how()) });
  const before = product.calls.length;
  expect(await through(stranger).call(updateProduct)).toMatchObject({ code: 'UNAVAILABLE' });
  expect(product.calls).toHaveLength(before);
  await stranger.stop();
});

it('refuses who has no certificate, or speaks without TLS', async () => {
  const port = callee.inboundPort;
  const request = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
  const sockets = [
    connectTls({ host: loopback, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
    connect(port, loopback),
  ];
  const received = sockets.map(async (socket) => {
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.on('error', () => {});
    socket.write(request, 'latin1');
    await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  });
  // An alert of TLS has 7 bytes; a server's first frame, its settings, at least 9.
  for (const bytes of await Promise.all(received)) expect(bytes).toBeLessThan(9);
});

it('does not call who isn’t the service that the address stands for', async () => {
  const impostor = await mesh.start({
    name: 'product-2',
    servicePort: product.port,
    authority,
    rbac: everybody,
    workload: 'user',
  });
  const before = product.calls.length;
  mesh.registry.remove('product', 'product-1');
  mesh.registry.add('product', 'product-2', { host: loopback, port: impostor.inboundPort });
  const caller = through(order);
  await answered(caller, 'UNAVAILABLE');
  expect(await caller.call(updateProduct)).toMatchObject({ code: 'UNAVAILABLE' });
  const arrived = product.calls.slice(before).map(({ path }) => path);
  expect(arrived).not.toContain(updateProduct);
  mesh.registry.remove('product', 'product-2');
  mesh.registry.add('product', 'product-1', { host: loopback, port: callee.inboundPort });
  await answered(caller, 'OK');
});

it('takes an instance without its service for sick', async () => {
  const caller = through(order);
  await answered(caller, 'OK');
  product.kill();
  await answered(caller, 'UNAVAILABLE');
  product = await startBackend(contract, 'product', product.port);
  await answered(caller, 'OK');
});
