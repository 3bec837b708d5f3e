import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { ProductOrder } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { UserEventService } from '@souk/contracts/shop/user/v1/user_event_service_pb.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { bearer, type Clients, clientsOf, euro, newCustomer, newProduct, signIn } from './clients.ts';

const url = inject('gatewayUrl');
let admin: Clients & { session: { accessToken: string } };
beforeAll(async () => {
  const { email, password } = inject('admin');
  admin = await signIn(url, email, password);
});
const soon = { timeout: 10_000, interval: 50 };

async function richCustomer() {
  const customer = await newCustomer(url);
  const grant = { requestId: randomUUID(), userId: customer.user.id, amount: euro(100_000) };
  await admin.wallets.grantCredit(grant);
  return customer;
}

describe('an order', () => {
  it('shows what customer and product are called now', async () => {
    const customer = await richCustomer();
    const product = await newProduct(admin, 100, 10);
    const lines = [{ productId: product.id, quantity: 1 }];
    const { order: placed } = await customer.orders.createOrder({ requestId: randomUUID(), lines });
    const orderId = placed?.id ?? '';
    const names = async () => {
      const { order } = await customer.orders.getOrder({ orderId });
      return [order?.customerName, order?.lines[0]?.currentProductName];
    };
    await expect.poll(names, soon).toEqual([customer.user.displayName, product.name]);

    await customer.users.updateUser({
      user: { displayName: 'Grace' },
      updateMask: { paths: ['display_name'] },
    });
    await admin.products.updateProduct({
      product: { id: product.id, name: 'Oak lamp' },
      updateMask: { paths: ['name'] },
    });
    await expect.poll(names, soon).toEqual(['Grace', 'Oak lamp']);
    await admin.products.deleteProduct({ productId: product.id });
    await expect.poll(names, soon).toEqual(['Grace', '']);
  });

  it('of a deleted account is cancelled, its pieces come back and its customer has no name any more', async () => {
    const customer = await richCustomer();
    const product = await newProduct(admin, 100, 10);
    const lines = [{ productId: product.id, quantity: 4 }];
    const { order } = await customer.orders.createOrder({ requestId: randomUUID(), lines });
    await customer.users.deleteUser({});
    await expect
      .poll(async () => (await admin.orders.getOrder({ orderId: order?.id ?? '' })).order?.state, soon)
      .toBe(OrderState.CANCELLED);
    await expect
      .poll(async () => (await admin.stock.getStock({ productId: product.id })).stock?.available, soon)
      .toBe(10n);
    const { order: read } = await admin.orders.getOrder({ orderId: order?.id ?? '' });
    expect(read?.customerName).toBe('');
  });

  it('counts for the best-selling list', async () => {
    const customer = await richCustomer();
    const name = `Bestseller ${randomUUID().slice(0, 8)}`;
    const [little, much] = [await newProduct(admin, 1, 100, name), await newProduct(admin, 1, 100, name)];
    for (const [product, quantity] of [
      [little, 2],
      [much, 5],
    ] as const) {
      const lines = [{ productId: product.id, quantity }];
      await customer.orders.createOrder({ requestId: randomUUID(), lines });
    }
    const best = async () => {
      const query = name.split(' ')[1] ?? '';
      const { products } = await customer.products.listProducts({
        query,
        orderBy: ProductOrder.BEST_SELLING,
      });
      return products.map(({ id }) => id);
    };
    await expect.poll(best, soon).toEqual([much.id, little.id]);
  });
});

describe('events', () => {
  it('carry the trace of the call to their effect', async () => {
    const traceId = randomUUID().replaceAll('-', '');
    const customer = await newCustomer(url);
    const traced = clientsOf(url, customer.session.accessToken);
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const user = { displayName: 'Traced' };
    await traced.users.updateUser({ user, updateMask: { paths: ['display_name'] } }, { headers });
    const lines = () =>
      ['order-1', 'order-2'].flatMap((name) =>
        readFileSync(`${inject('logs')}/${name}.log`, 'utf8')
          .split('\n')
          .filter((line) => line.includes('"event took effect"') && line.includes(traceId)),
      );
    await expect.poll(lines, soon).toHaveLength(1);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ type: 'shop.user.v1.UserUpdated', traceId });
  });

  it('are for services and operators alone', async () => {
    const { session } = await newCustomer(url);
    const eventsAs = ({ accessToken }: { accessToken: string }) =>
      createClient(
        UserEventService,
        createGrpcTransport({ baseUrl: url, interceptors: [bearer(accessToken)] }),
      );
    const { consumers } = await eventsAs(admin.session).listEventConsumers({});
    expect(consumers.map(({ name }) => name)).toEqual(['order']);
    const customers = eventsAs(session);
    await expect(customers.listEventConsumers({})).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(customers.rebuildCopies({})).rejects.toMatchObject({ code: Code.PermissionDenied });
    const follow = async () => {
      for await (const _ of customers.followEvents({ partitions: [{ partition: 0, position: 0n }] }));
    };
    await expect(follow()).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});
