import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../mesh/local/config.ts';
import { type Shop, startShop } from '../mesh/local/shop.ts';
import { status } from '../mesh/local/status.ts';
import { hostsOf } from '../mesh/local/wiring.ts';
import { clientsOf, euro, newCustomer, newProduct, signIn } from './clients.ts';
import { firstAdmin } from './setup/first-admin.ts';

// A shop without any Envoy: its services call each other directly.
const home = mkdtempSync(join(tmpdir(), 'souk-direct-'));
let shop: Shop;
beforeAll(async () => {
  shop = await startShop({ home, mesh: 'none', durable: false });
});
afterAll(async () => {
  await shop?.stop();
  rmSync(home, { recursive: true, force: true });
});

const url = (service: string, instance = 0) => `http://${hostsOf(shop.addresses[service])[instance]}`;
const pid = (name: string) => shop.instances.find((one) => one.name === name)?.running()?.identity.pid;

it('says that it has no mesh, and where its services are', async () => {
  const lines: string[] = [];
  expect(await status(readConfig({ SOUK_HOME: home }), (line) => lines.push(line))).toBe(0);
  const text = lines.join('\n');
  expect(text).toContain('WITHOUT A MESH');
  for (const service of ['user', 'product', 'order'])
    for (const host of hostsOf(shop.addresses[service])) expect(text).toContain(host);
});

it('places every order while instances are killed, and uses those that come back', async () => {
  const { email, password } = firstAdmin(shop);
  const { session } = await signIn(url('user'), email, password);
  const products = clientsOf(url('product'), session.accessToken);
  const product = await newProduct(products, 100, 1_000);
  const customer = await newCustomer(url('user'));
  const wallets = clientsOf(url('user'), session.accessToken).wallets;
  await wallets.grantCredit({ requestId: randomUUID(), userId: customer.user.id, amount: euro(1_000_000) });
  const orders = [0, 1].map(
    (instance) => clientsOf(url('order', instance), customer.session.accessToken).orders,
  );

  let placed = 0;
  /** One order, repeated for as long as nobody knows what became of it, as any client would. */
  async function place(n: number): Promise<void> {
    const request = { requestId: randomUUID(), lines: [{ productId: product.id, quantity: 1 }] };
    for (let attempt = 0; ; attempt++) {
      try {
        await orders[n % 2]?.createOrder(request);
        placed += 1;
        return;
      } catch (error) {
        const { code } = ConnectError.from(error);
        if (attempt === 20 || (code !== Code.Unavailable && code !== Code.DeadlineExceeded)) throw error;
      }
    }
  }

  const victims = ['product-1', 'user-2'];
  const before = victims.map(pid);
  for (let n = 0; n < 30; n++) await place(n);
  for (const name of victims) expect(shop.kill(name)).toBe(true);
  for (let n = 0; n < 60; n++) await place(n);
  await expect
    .poll(() => victims.map(pid).every((now, i) => now !== undefined && now !== before[i]), {
      timeout: 15_000,
    })
    .toBe(true);
  // They have their ports again, and their callers find them by themselves.
  // Of no method in particular: an order's calls may fall in step with the round robin.
  const answered = async (name: string, service: string) => {
    const port = shop.instances.find((one) => one.name === name)?.metricsPort();
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
    return text
      .split('\n')
      .filter((line) => line.includes(`rpc_method="${service}/`) && line.includes('="OK"')).length;
  };
  await expect
    .poll(
      async () => {
        await place(0);
        return Promise.all([
          answered('product-1', 'shop.product.v1.StockService'),
          answered('user-2', 'shop.user.v1.WalletService'),
        ]);
      },
      { timeout: 20_000 },
    )
    .not.toContain(0);

  // Each order that was placed took one piece, once.
  const sold = async () => {
    const { stock } = await products.stock.getStock({ productId: product.id });
    return 1_000n - (stock?.available ?? 0n);
  };
  await expect.poll(sold).toBe(BigInt(placed));
}, 60_000);

it('refuses more instances than it began with: nobody would find them', async () => {
  await expect(shop.deployment('order').scale(3)).rejects.toThrow(/without a mesh nobody would find order-3/);
});
