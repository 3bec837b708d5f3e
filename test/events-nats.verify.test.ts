import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Shop, startShop } from '../mesh/local/shop.ts';
import { readState } from '../mesh/local/state.ts';
import { brokerMessages } from './broker-messages.ts';
import { type Clients, euro, newCustomer, newProduct, signIn } from './clients.ts';
import { testEventFlows } from './event-flows.ts';
import { copiesEqualSource } from './invariants/copies-equal-source.ts';
import { withDatabases } from './invariants/databases.ts';
import { nothingParked } from './invariants/events-taken.ts';
import { untilQuiet } from './invariants/quiet.ts';
import { salesCounted } from './invariants/sales-counted.ts';
import { firstAdmin } from './setup/first-admin.ts';

const nobody = { stock: new Map(), credit: new Map() };

describe.skipIf(inject('natsServer') === '')('a shop whose events go by a broker', () => {
  const home = mkdtempSync(join(tmpdir(), 'souk-nats-'));
  let shop: Shop;
  let url: string;
  let admin: Clients;
  beforeAll(async () => {
    shop = await startShop({ home, durable: false, events: 'nats' });
    url = `http://127.0.0.1:${shop.gatewayPort}`;
    const { email, password } = firstAdmin(shop);
    admin = await signIn(url, email, password);
  });
  afterAll(async () => {
    await shop?.stop();
    rmSync(home, { recursive: true, force: true });
  });
  const souk = async (command: string) => {
    const launcher = [process.execPath, 'mesh/local/cli.ts', command];
    return (await promisify(execFile)('env', [`SOUK_HOME=${home}`, ...launcher])).stdout;
  };

  testEventFlows(() => ({ url, admin }));

  it('has them in the streams, and `make events` and `make status` show who reads', async () => {
    expect(await brokerMessages(shop)).toBeGreaterThan(10);
    expect(await untilQuiet(shop, 20_000)).toEqual([]);
    const read = async () => (await souk('events')).replaceAll(/ {2,}/g, ' ');
    await expect
      .poll(read, { timeout: 10_000, interval: 500 })
      .toMatch(
        /user is read by nats has read all; order has read all\n.*product is read by .*\norder is read by .*/s,
      );
    expect(await souk('status')).toMatch(/nats .*serving/);
  });

  it('loses none while the broker is killed, again and again, and none takes effect twice', async () => {
    const broker = () => readState(shop.paths)?.processes.find(({ kind }) => kind === 'nats')?.pid;
    const customer = await newCustomer(url);
    const amount = euro(1_000_000);
    await admin.wallets.grantCredit({ requestId: randomUUID(), userId: customer.user.id, amount });
    const product = await newProduct(admin, 100, 1_000);
    const lines = [{ productId: product.id, quantity: 2 }];
    const order = () => customer.orders.createOrder({ requestId: randomUUID(), lines });
    for (let round = 1; round <= 3; round++) {
      const before = broker();
      for (let n = 0; n < 10; n++) await order();
      expect(shop.kill('nats')).toBe(true);
      // Meanwhile they go from log to consumer, without it.
      for (let n = 0; n < 10; n++) await order();
      const user = { displayName: `Ada ${round}` };
      await customer.users.updateUser({ user, updateMask: { paths: ['display_name'] } });
      await expect.poll(broker, { timeout: 20_000 }).not.toBe(before);
    }
    expect(await untilQuiet(shop, 30_000)).toEqual([]);
    const sold = await withDatabases(shop, async (databases) => {
      for (const invariant of [nothingParked, copiesEqualSource, salesCounted])
        expect(await invariant.violations(databases, nobody)).toEqual([]);
      return databases.product.query('select sold::integer from sales where product_id = $1', [product.id]);
    });
    expect(sold.rows).toEqual([{ sold: 120 }]);
    const { order: last } = await order();
    const read = await customer.orders.getOrder({ orderId: last?.id ?? '' });
    expect(read.order?.customerName).toBe('Ada 3');
    await expect.poll(() => brokerMessages(shop), { timeout: 10_000 }).toBeGreaterThan(70);
  });
});
