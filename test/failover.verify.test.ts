import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, startShop } from '../mesh/local/shop.ts';
import { type Clients, clientsOf, newCustomer, newProduct, signIn } from './clients.ts';
import { firstAdmin } from './setup/first-admin.ts';

// A shop of its own: what is done to it would break the calls of other tests.
const home = mkdtempSync(join(tmpdir(), 'souk-failover-'));
let shop: Shop;
let url: string;
let admin: Clients;
beforeAll(async () => {
  // Durable: a commit that was acknowledged must survive PostgreSQL's kill -9.
  shop = await startShop({ home });
  url = `http://127.0.0.1:${shop.gatewayPort}`;
  const { email, password } = firstAdmin(shop);
  admin = await signIn(url, email, password);
});
afterAll(async () => {
  await shop?.stop();
  rmSync(home, { recursive: true, force: true });
});

/** Calls `read` 100 times a second until stopped; tells how many calls there were, and what failed. */
function steadyReads(read: () => Promise<unknown>) {
  const failures: string[] = [];
  const underWay = new Set<Promise<void>>();
  let calls = 0;
  const timer = setInterval(() => {
    calls += 1;
    const call = read()
      .then(() => {})
      .catch((error) => void failures.push(ConnectError.from(error).message))
      .finally(() => underWay.delete(call));
    underWay.add(call);
  }, 10);
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
    return { calls, failures };
  };
}

describe('a shop that loses a part', () => {
  it.each(['user-1', 'product-1', 'order-2'])(
    'loses no read when %s is killed, and gets it back',
    async (victim) => {
      const customer = await newCustomer(url);
      const product = await newProduct(admin, 100, 1);
      const reads: Record<string, () => Promise<unknown>> = {
        user: () => customer.users.getUser({}),
        product: () => customer.products.getProduct({ productId: product.id }),
        order: () => customer.orders.listOrders({}),
      };
      const stop = steadyReads(reads[victim.split('-')[0] ?? ''] as () => Promise<unknown>);
      await sleep(500);
      const before = shop.instances.find(({ name }) => name === victim)?.running()?.identity.pid;
      expect(shop.kill(victim)).toBe(true);
      await expect
        .poll(() => shop.instances.find(({ name }) => name === victim)?.running()?.identity.pid ?? before, {
          timeout: 15_000,
        })
        .not.toBe(before);
      await sleep(1_500);
      const { calls, failures } = await stop();
      expect(failures).toEqual([]);
      expect(calls).toBeGreaterThan(50);
    },
  );

  it('answers UNAVAILABLE while the database is gone, and recovers when it is back', async () => {
    const anonymous = clientsOf(url);
    const product = await newProduct(admin, 100, 1);
    expect(shop.kill('postgres')).toBe(true);
    const seen = new Set<Code>();
    await expect
      .poll(
        async () => {
          try {
            await anonymous.products.getProduct({ productId: product.id });
            return 'served';
          } catch (error) {
            seen.add(ConnectError.from(error).code);
            return 'failed';
          }
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBe('failed');
    const [served, failed] = [() => 'served', () => 'failed'];
    const write = () => newProduct(admin, 100, 1);
    await write().catch((error) => seen.add(ConnectError.from(error).code));
    expect([...seen]).toEqual([Code.Unavailable]);
    const patience = { timeout: 20_000, interval: 100 };
    const read = () => anonymous.products.getProduct({ productId: product.id });
    await expect.poll(() => read().then(served, failed), patience).toBe('served');
    // Each service comes back by itself, in its own time, and a write needs more than one.
    await expect.poll(() => write().then(served, failed), patience).toBe('served');
  });
});
