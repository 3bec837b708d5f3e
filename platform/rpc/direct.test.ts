import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { fail } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { implementPartly } from '../testing/implement.ts';
import { testServer } from '../testing/server.ts';
import { createClient } from './client.ts';

const productId = uuidv7();

/** Two instances of one service, of which `fails` says how many calls fail before they are answered. */
async function twoInstances(fails: number, target = (addresses: string[]) => `ipv4:${addresses.join()}`) {
  const calls = [0, 0];
  let failures = fails;
  const count = (instance: number) => {
    calls[instance] = (calls[instance] ?? 0) + 1;
    if (failures-- > 0) throw fail('UNAVAILABLE', 'AWAY', 'Not now.');
  };
  const servers = await Promise.all(
    calls.map((_, instance) => {
      const getProduct = () => {
        count(instance);
        return { product: { id: productId } };
      };
      const updateProduct = () => {
        count(instance);
        return { product: { id: productId } };
      };
      return testServer({
        implementations: [implementPartly(ProductService, { getProduct, updateProduct })],
        authenticate: () => ({ kind: 'user', userId: uuidv7(), role: 'admin', sessionId: uuidv7() }),
      });
    }),
  );
  const client = createClient(ProductService, { address: target(servers.map(({ address }) => address)) });
  onTestFinished(() => client.close());
  const total = () => calls.reduce((sum, each) => sum + each, 0);
  return { client, calls, total, servers };
}

test('calls go round the instances of the list', async () => {
  const { client, calls } = await twoInstances(0);
  // The first may go before the second connection stands.
  await expect
    .poll(async () => {
      await client.getProduct({ productId });
      return Math.min(...calls);
    })
    .toBeGreaterThan(2);
});

test('an idempotent method is tried up to three times while its instance is UNAVAILABLE', async () => {
  const twice = await twoInstances(2);
  await expect(twice.client.getProduct({ productId })).resolves.toMatchObject({ product: { id: productId } });
  expect(twice.total()).toBe(3);
  const thrice = await twoInstances(3);
  await expect(thrice.client.getProduct({ productId })).rejects.toMatchObject({ reason: 'AWAY' });
  expect(thrice.total()).toBe(3);
});

test('another method is tried once', async () => {
  const { client, total } = await twoInstances(1);
  const change = { product: { id: productId, name: 'Tea' }, updateMask: { paths: ['name'] } };
  await expect(client.updateProduct(change)).rejects.toMatchObject({ reason: 'AWAY' });
  expect(total()).toBe(1);
});

test('through a proxy nothing is tried again: the proxy does that', async () => {
  const { client, total } = await twoInstances(1, ([first = '']) => first);
  await expect(client.getProduct({ productId })).rejects.toMatchObject({ reason: 'AWAY' });
  expect(total()).toBe(1);
});

test('retries stop when most calls fail, and an overload is not made worse', async () => {
  const calls = 60;
  const { client, total } = await twoInstances(Number.POSITIVE_INFINITY);
  for (let call = 0; call < calls; call++) await client.getProduct({ productId }).catch(() => {});
  // 100 tokens: when 50 are used up by failures, retries stop.
  expect(total()).toBeLessThan(calls + 50);
  expect(total()).toBeGreaterThan(calls);
});

test('calls go on with the instances that are left', async () => {
  const { client, servers } = await twoInstances(0);
  await client.getProduct({ productId });
  await servers[0]?.server.drain(100);
  for (let call = 0; call < 20; call++) await client.getProduct({ productId });
});
