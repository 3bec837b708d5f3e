import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createCaller, type Outcome } from '../testing/call.ts';
import { fromOutside, outside } from '../testing/outside.ts';
import { type Shop, startShop } from './shop.ts';

// The launcher on programs that start in a moment, with real sidecars: the services themselves are tested elsewhere.
const home = mkdtempSync(join(tmpdir(), 'souk-deployment-'));
const program = fileURLToPath(new URL('../testing/service.ts', import.meta.url));
/** What instances are started from. */
let entry = program;
let shop: Shop;
beforeAll(async () => {
  shop = await startShop({
    home,
    durable: false,
    entry: () => entry,
    longestRestartDelayMs: 200,
  });
});
afterAll(async () => {
  await shop.stop();
  rmSync(home, { recursive: true, force: true });
});

const getProduct = '/shop.product.v1.ProductService/GetProduct';
const updateProduct = '/shop.product.v1.ProductService/UpdateProduct'; // never sent twice
const names = () => shop.deployment('product').instances.map(({ name }) => name);

/** Calls from several callers, no more than the gateway takes from one address, while `change` is made. */
async function under(path: string, change: () => Promise<unknown>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let changing = true;
  const callers = Array.from({ length: 4 }, async () => {
    const caller = createCaller(shop.gatewayPort);
    while (changing) {
      outcomes.push(await caller.call(path));
      await sleep(10);
    }
    caller.close();
  });
  try {
    await change();
  } finally {
    changing = false;
    await Promise.all(callers);
  }
  return outcomes;
}
const failures = (outcomes: readonly Outcome[]) => outcomes.filter(({ code }) => code !== 'OK');

it('changes the number of instances without a failed call', async () => {
  const outcomes = await under(updateProduct, async () => {
    await shop.deployment('product').scale(4);
    expect(names()).toEqual(['product-1', 'product-2', 'product-3', 'product-4']);
    await shop.deployment('product').scale(2);
    expect(names()).toEqual(['product-1', 'product-2']);
  });
  expect(failures(outcomes)).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(100);
});

it('gives a new instance calls within a second', async () => {
  const deployment = shop.deployment('product');
  const outcomes = await under(updateProduct, async () => {
    await deployment.scale(3);
    await sleep(1_000);
  });
  await deployment.scale(2);
  expect(failures(outcomes)).toEqual([]);
  expect(outcomes.map(({ headers }) => headers.get('x-test-instance')[0])).toContain('product-3');
});

it('exchanges all instances without a failed call', async () => {
  const before = shop.deployment('product').instances.map((one) => one.running()?.identity.pid);
  const outcomes = await under(updateProduct, () => shop.deployment('product').restart());
  expect(failures(outcomes)).toEqual([]);
  expect(names()).toHaveLength(2);
  const after = shop.deployment('product').instances.map((one) => one.running()?.identity.pid);
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
});

it('loses no read when a sidecar is killed, and starts it again', async () => {
  const [first] = shop.deployment('product').instances;
  const sidecar = first?.sidecar;
  const before = sidecar?.running()?.identity.pid;
  const outcomes = await under(getProduct, async () => {
    expect(shop.kill(sidecar?.name ?? '')).toBe(true);
    await vi.waitFor(
      () => {
        expect(sidecar?.running()?.identity.pid).not.toBe(before);
        expect(first?.serving()).toBe(true);
      },
      { timeout: 15_000, interval: 20 },
    );
  });
  expect(failures(outcomes)).toEqual([]);
});

it('says of an instance that it can’t start, and takes it back', async () => {
  const deployment = shop.deployment('product');
  const before = names();
  entry = join(home, 'no-such-program.ts');
  await expect(deployment.scale(3)).rejects.toThrow(
    /product-\d ends as soon as it starts: .*Cannot find module/,
  );
  entry = program;
  await deployment.scale(2);
  expect(names()).toEqual(before);
});

it('keeps what serves when a restart brings nothing that starts', async () => {
  const deployment = shop.deployment('product');
  const before = names();
  entry = join(home, 'no-such-program.ts');
  await expect(deployment.restart()).rejects.toThrow(/product-\d ends as soon as it starts/);
  entry = program;
  expect(names()).toEqual(before);
});

const none = outside.length === 0;
it.skipIf(none)(
  `is heard on loopback alone${none ? ' (skipped: there is nothing else here)' : ''}`,
  async () => {
    const ports = shop
      .processes()
      .flatMap(({ port, adminPort, metricsPort }) => [port, adminPort, metricsPort])
      .concat(shop.adminPort)
      .filter((port) => port !== undefined);
    expect(ports).toContain(shop.gatewayPort);
    const { address } = outside[0] as (typeof outside)[number];
    for (const port of ports) expect(await fromOutside(address, port), String(port)).toBe('ECONNREFUSED');
  },
);

it('refuses a number that can’t be', async () => {
  await expect(shop.deployment('product').scale(0)).rejects.toThrow('REPLICAS must be a whole number');
  expect(() => shop.deployment('shipping')).toThrow('SERVICE is one of user, product, order');
});
