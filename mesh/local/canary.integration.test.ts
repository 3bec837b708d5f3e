import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCaller } from '../testing/call.ts';
import { repository } from './config.ts';
import { type Shop, startShop } from './shop.ts';
import { findVersion, OWN } from './versions.ts';

const home = mkdtempSync(join(tmpdir(), 'souk-canary-'));
/** A folder that has a clone's shape: the same programs, as far as this test can tell. */
const other = join(home, 'v2');
let shop: Shop;
beforeAll(async () => {
  shop = await startShop({
    home,
    durable: false,
    entry: () => fileURLToPath(new URL('../testing/service.ts', import.meta.url)),
  });
  symlinkSync(repository, other);
});
afterAll(async () => {
  await shop.stop();
  rmSync(home, { recursive: true, force: true });
});

const CALLS = 600;

/** How many of CALLS calls the canary's instances answered. */
async function toCanary(): Promise<number> {
  const caller = createCaller(shop.gatewayPort);
  let canary = 0;
  for (let call = 0; call < CALLS; call++) {
    const { code, headers } = await caller.call('/shop.product.v1.ProductService/UpdateProduct');
    expect(code).toBe('OK');
    if (String(headers.get('x-test-instance')[0]).startsWith('product-canary-')) canary++;
  }
  caller.close();
  return canary;
}

it('gives a new version its part of the calls, more of them, and then none', async () => {
  const version = findVersion(other, shop.paths.versions);
  await shop.canaries.begin('product', version, 10);
  const tenth = await toCanary();
  expect(tenth).toBeGreaterThan(CALLS * 0.04);
  expect(tenth).toBeLessThan(CALLS * 0.18);
  await shop.canaries.begin('product', version, 50);
  const half = await toCanary();
  expect(half).toBeGreaterThan(CALLS * 0.38);
  expect(half).toBeLessThan(CALLS * 0.62);
  await shop.canaries.rollBack('product');
  expect(await toCanary()).toBe(0);
  expect(shop.instances.map(({ name }) => name)).not.toContain('product-canary-1');
});

it('becomes the service’s version when it is promoted', async () => {
  const version = findVersion(other, shop.paths.versions);
  await shop.canaries.begin('user', version, 10);
  await shop.canaries.promote('user');
  const { instances } = shop.deployment('user');
  expect(shop.deployment('user').version()).toEqual(version);
  expect(instances).toHaveLength(2);
  expect(instances.every((one) => one.serving())).toBe(true);
  await expect(shop.canaries.promote('user')).rejects.toThrow('user has no canary');
});

it('is promoted or rolled back once, however many ask at the same time', async () => {
  const { canaries } = shop;
  await canaries.begin('product', findVersion(other, shop.paths.versions), 10);
  const outcomes = await Promise.allSettled([canaries.rollBack('product'), canaries.promote('product')]);
  expect(outcomes).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: expect.stringContaining('product has no canary') } },
  ]);
  // No other deployment went with it.
  expect(shop.deployments.map(({ name }) => name)).toEqual(['user', 'product', 'order']);
});

it('refuses a second canary, and percentages that can’t be', async () => {
  const { canaries } = shop;
  const version = findVersion(other, shop.paths.versions);
  for (const percent of [0, 100, 2.5, Number.NaN])
    await expect(canaries.begin('order', version, percent)).rejects.toThrow('PERCENT must be');
  await canaries.begin('order', version, 10);
  await expect(canaries.begin('order', OWN, 10)).rejects.toThrow('order has a canary of');
  await canaries.rollBack('order');
});

it('knows commits, and says what it doesn’t know', () => {
  const { name, folder } = findVersion('HEAD', shop.paths.versions);
  expect(name).toMatch(/^[0-9a-f]{12}$/);
  expect(folder).toBe(join(shop.paths.versions, name));
  expect(findVersion('HEAD', shop.paths.versions).folder).toBe(folder);
  expect(() => findVersion('no-such-version', shop.paths.versions)).toThrow('VERSION=no-such-version');
});
