import { randomUUID } from 'node:crypto';
import { OrderState } from '@souk/contracts/shop/order/v1/order_pb.js';
import { ProductOrder } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { describe, expect, it } from 'vitest';
import { type Clients, euro, newCustomer, newProduct } from './clients.ts';

const soon = { timeout: 10_000, interval: 50 };

/** What others' events do to orders and to the best-selling list of a shop, whatever transport they take. */
export function testEventFlows(shop: () => { readonly url: string; readonly admin: Clients }): void {
  async function richCustomer() {
    const { url, admin } = shop();
    const customer = await newCustomer(url);
    const grant = { requestId: randomUUID(), userId: customer.user.id, amount: euro(100_000) };
    await admin.wallets.grantCredit(grant);
    return customer;
  }

  describe('an order', () => {
    it('shows what customer and product are called now', async () => {
      const { admin } = shop();
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
      const { admin } = shop();
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
      const { admin } = shop();
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
}
