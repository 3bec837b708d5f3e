import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientsOf, euro, newCustomer, newProduct, signIn } from '../../test/clients.ts';
import { firstAdmin } from '../../test/setup/first-admin.ts';
import { readConfig, repository } from '../local/config.ts';
import { freePort } from '../local/free-port.ts';
import { installPrometheus } from '../local/prometheus-binary.ts';
import { type Shop, startShop } from '../local/shop.ts';
import { ask, queries, resultOf, unanswered } from './queries.ts';

const programs = installPrometheus(readConfig());
const skipped = programs
  ? ''
  : ' (skipped: there is no Prometheus, and no apt to get it by: set PROMETHEUS_BIN)';
/** Rules are evaluated every 15 s, and rates need two scrapes. */
const TRAFFIC_MS = 45_000;

describe.skipIf(!programs)(`Prometheus${skipped}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-prometheus-'));
  let shop: Shop;
  let port = 0;
  beforeAll(async () => {
    port = await freePort();
    const prometheus = { binary: programs?.prometheus ?? '', port };
    shop = await startShop({ home, durable: false, prometheus });
    await traffic(`http://127.0.0.1:${shop.gatewayPort}`);
  }, 120_000);
  afterAll(async () => {
    await shop?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  async function traffic(url: string): Promise<void> {
    const { email, password } = firstAdmin(shop);
    const admin = await signIn(url, email, password);
    const product = await newProduct(admin, 100, 10_000);
    const customer = await newCustomer(url);
    const grant = { requestId: randomUUID(), userId: customer.user.id, amount: euro(1_000_000) };
    await admin.wallets.grantCredit(grant);
    const lines = [{ productId: product.id, quantity: 1 }];
    const end = Date.now() + TRAFFIC_MS;
    while (Date.now() < end) {
      await customer.products.listProducts({ pageSize: 10 });
      const { order } = await customer.orders.createOrder({ requestId: randomUUID(), lines });
      await customer.orders.updateOrder({
        orderId: order?.id ?? '',
        etag: order?.etag ?? '',
        lines: [{ productId: product.id, quantity: 2 }],
      });
      await customer.orders.cancelOrder({ orderId: order?.id ?? '' });
      // One that is refused.
      const tooMany = [{ productId: product.id, quantity: 20_000 }];
      await customer.orders.createOrder({ requestId: randomUUID(), lines: tooMany }).catch(() => {});
      await clientsOf(url)
        .products.getProduct({ productId: randomUUID() })
        .catch(() => {});
      await sleep(200);
    }
  }

  it('finds configuration and rules sound', () => {
    const folder = join(repository, 'mesh', 'observability', 'prometheus');
    const { status, stdout, stderr } = spawnSync(
      programs?.promtool ?? '',
      ['check', 'config', join(folder, 'prometheus.yml')],
      { encoding: 'utf8' },
    );
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/alerts\.yml\n\s+SUCCESS: \d+ rules found/);
  });

  it('has an answer to every query of every dashboard, rule and alert', async () => {
    expect(queries('order').length).toBeGreaterThan(90);
    expect(await unanswered(port, 'order')).toEqual([]);
  });

  it('fires no alert of a shop that is well', async () => {
    const { alerts } = await ask<{ alerts: { labels: { alertname: string }; state: string }[] }>(
      port,
      'alerts',
    );
    expect(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname)).toEqual(
      [],
    );
  });

  it('scrapes every instance, every sidecar and the gateway', async () => {
    const [up] = await resultOf(port, 'count(up == 1)');
    expect(Number(up?.value[1])).toBe(13);
  });

  it('follows scaling', async () => {
    await shop.deployment('product').scale(3);
    const instances = () => resultOf(port, 'up{job="services", service="product"} == 1');
    await expect.poll(async () => (await instances()).length, { timeout: 20_000 }).toBe(3);
  });
});
