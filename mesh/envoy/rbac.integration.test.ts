import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Authority, createAuthority } from '../identity/authority.ts';
import { loopback } from '../local/free-port.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { type Backend, startBackend } from '../testing/backend.ts';
import { type Caller, createCaller } from '../testing/call.ts';
import { createTestMesh } from '../testing/sidecar.ts';
import { readContractFile } from './contract.ts';
import { rbacFilter } from './rbac.ts';

const getProduct = 'ProductService/GetProduct';
const contract = readContractFile(descriptorSetFile);
const mesh = createTestMesh(['user', 'product', 'order']);
const callers = new Map<string, Caller>();
let authority: Authority;
let product: Backend;

/** Calls the product service with the certificate of this workload, through sidecars. */
const call = (workload: string, path: string) =>
  (callers.get(workload) as Caller).call(`/shop.product.v1.${path}`);

beforeAll(async () => {
  authority = await createAuthority();
  product = await startBackend(contract, 'product');
  const start = (name: string, servicePort: number) =>
    mesh.start({ name, servicePort, authority, rbac: rbacFilter(contract, name.replace(/-1$/, '')) });
  const { inboundPort } = await start('product-1', product.port);
  mesh.registry.add('product', 'product-1', { host: loopback, port: inboundPort });
  for (const workload of ['order', 'user', 'gateway', 'stranger']) {
    const { outboundPort } = await start(`${workload}-1`, 1);
    callers.set(workload, createCaller(outboundPort));
  }
  // An instance gets calls once its health check has passed: these may ask for it.
  for (const workload of ['order', 'user', 'gateway']) {
    await vi.waitFor(async () => expect((await call(workload, getProduct)).code).toBe('OK'), 10_000);
  }
});
afterAll(async () => {
  for (const caller of callers.values()) caller.close();
  await mesh.stop();
  product.kill();
});

it.each([
  ['StockService/ReserveStock', { order: 'OK', user: 'PERMISSION_DENIED', gateway: 'PERMISSION_DENIED' }],
  ['ProductService/UpdateProduct', { order: 'PERMISSION_DENIED', user: 'PERMISSION_DENIED', gateway: 'OK' }],
  ['ProductEventService/AcknowledgeEvents', { order: 'OK', user: 'OK', gateway: 'PERMISSION_DENIED' }],
  [getProduct, { order: 'OK', user: 'OK', gateway: 'OK' }],
])('lets in to %s whom the contract names, and nothing else reaches the service', async (path, codes) => {
  const before = product.calls.length;
  const found: Record<string, string> = {};
  for (const workload of Object.keys(codes)) found[workload] = (await call(workload, path)).code;
  expect(found).toEqual(codes);
  expect(product.calls.length - before).toBe(Object.values(codes).filter((code) => code === 'OK').length);
});

it('lets in nobody whom the contract doesn’t know, whatever vouches for him', async () => {
  const before = product.calls.length;
  expect((await call('stranger', getProduct)).code).toMatch(/^(PERMISSION_DENIED|UNAVAILABLE)$/);
  expect(product.calls).toHaveLength(before);
});
