import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { createAuthority } from '../identity/authority.ts';
import { repository } from '../local/config.ts';
import { isLive } from '../local/envoy.ts';
import { freePort, loopback } from '../local/free-port.ts';
import { descriptorSetFile } from '../local/gateway.ts';
import { checkHealth, healthClient } from '../local/health.ts';
import { signal } from '../local/process-identity.ts';
import { instanceEnvironment } from '../local/service-environment.ts';
import { entryPoint } from '../local/services.ts';
import { type Running, spawnLogged } from '../local/spawn-logged.ts';
import { type Caller, createCaller } from '../testing/call.ts';
import { knownEndpoints } from '../testing/endpoints.ts';
import { fromOutside, outside } from '../testing/outside.ts';
import { createTestMesh, SECRET, type TestSidecar } from '../testing/sidecar.ts';
import { readContractFile } from './contract.ts';
import { rbacFilter } from './rbac.ts';

// Two instances of the real product service, and nobody who takes a dead one out of the registry: what callers' Envoys
// see for themselves has to do.
const { url } = await testDatabase('product');
const contract = readContractFile(descriptorSetFile);
const listProducts = '/shop.product.v1.ProductService/ListProducts';
const folder = mkdtempSync(join(tmpdir(), 'souk-half-'));
const mesh = createTestMesh(['user', 'product', 'order']);

interface HalfOrWhole {
  readonly servicePort: number;
  readonly sidecar: TestSidecar;
  service: Running;
}
let first: HalfOrWhole;
let second: HalfOrWhole;
let order: TestSidecar;
let caller: Caller;

function startService(name: string, port: number): Promise<Running> {
  return spawnLogged({
    command: process.execPath,
    args: [entryPoint('product')],
    env: {
      ...instanceEnvironment(name, port, 0),
      DATABASE_URL: url,
      // Nobody listens there.
      USER_ADDRESS: `${loopback}:9`,
      ORDER_ADDRESS: `${loopback}:9`,
      SERVICE_TOKEN: 'a-secret-of-the-product-service',
      SERVICE_TOKENS: 'order=a-secret-of-the-order-service',
      SIDECAR_SECRET: SECRET,
    },
    cwd: repository,
    logFile: join(folder, `${name}.log`),
  });
}

async function startInstance(name: string, authority: Awaited<ReturnType<typeof createAuthority>>) {
  const servicePort = await freePort();
  const rbac = rbacFilter(contract, 'product');
  const sidecar = await mesh.start({ name, servicePort, authority, rbac });
  mesh.registry.add('product', name, { host: loopback, port: sidecar.inboundPort });
  return { servicePort, sidecar, service: await startService(name, servicePort) };
}

beforeAll(async () => {
  const authority = await createAuthority();
  [first, second] = await Promise.all([
    startInstance('product-1', authority),
    startInstance('product-2', authority),
  ]);
  order = await mesh.start({
    name: 'order-1',
    servicePort: 1,
    authority,
    rbac: rbacFilter(contract, 'order'),
  });
  caller = createCaller(order.outboundPort);
  for (const one of [first, second]) await untilSeen(one, 'healthy');
});
afterAll(async () => {
  caller?.close();
  for (const one of [first, second]) if (one) signal(one.service.identity, 'SIGKILL');
  await mesh.stop();
  rmSync(folder, { recursive: true, force: true });
});

const patience = { timeout: 20_000, interval: 50 };
const seen = async ({ sidecar }: HalfOrWhole) =>
  (await knownEndpoints(order.adminPort, 'product')).get(sidecar.inboundPort);
const untilSeen = (one: HalfOrWhole, health: string) =>
  vi.waitFor(async () => expect((await seen(one))?.health).toContain(health), patience);

/** Makes calls until this many are answered, none but with OK; the calls that each of both instances was sent. */
async function callsTo(count: number): Promise<[number, number]> {
  const sent = async () => [(await seen(first))?.calls ?? 0, (await seen(second))?.calls ?? 0] as const;
  const before = await sent();
  for (let n = 0; n < count; n++) expect(await caller.call(listProducts)).toMatchObject({ code: 'OK' });
  const after = await sent();
  return [after[0] - before[0], after[1] - before[1]];
}

/** Makes calls until this instance is sent some, and none fails meanwhile. */
async function untilCalled(instance: 0 | 1): Promise<void> {
  const end = Date.now() + patience.timeout;
  while ((await callsTo(10))[instance] === 0) expect(Date.now()).toBeLessThan(end);
}

describe('a service without its sidecar', () => {
  it('is unhealthy and gets no call, however alive it is, until its sidecar is back', async () => {
    await first.sidecar.kill();
    // Not even those that are the first to notice.
    await callsTo(20);
    await untilSeen(first, '/failed_active_hc');
    const client = healthClient(`${loopback}:${first.servicePort}`);
    expect(await checkHealth(client)).toBe(true);
    client.close();
    expect(await callsTo(50)).toEqual([0, 50]);

    await first.sidecar.startAgain();
    await untilSeen(first, 'healthy');
    await untilCalled(0);
  });

  it('answers nobody who comes to it past the sidecar', async () => {
    const direct = createCaller(first.servicePort);
    expect(await direct.call(listProducts)).toMatchObject({ code: 'UNAUTHENTICATED' });
    direct.close();
  });

  const none = outside.length === 0;
  it.skipIf(none)(`hears nobody from outside${none ? ' (skipped: only loopback here)' : ''}`, async () => {
    for (const { address } of outside) {
      for (const port of [first.servicePort, first.sidecar.inboundPort, first.sidecar.outboundPort])
        expect(await fromOutside(address, port)).toBe('ECONNREFUSED');
    }
  });
});

describe('a sidecar without its service', () => {
  it('is unhealthy and gets no call until its service is back', async () => {
    signal(second.service.identity, 'SIGKILL');
    await second.service.exited;
    await callsTo(20);
    await untilSeen(second, '/failed_active_hc');
    expect(await isLive(second.sidecar.adminPort)).toBe(true);
    expect(await callsTo(50)).toEqual([50, 0]);

    second.service = await startService('product-2', second.servicePort);
    await untilSeen(second, 'healthy');
    await untilCalled(1);
  });
});
