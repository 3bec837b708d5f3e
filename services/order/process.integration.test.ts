import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { orderShop, statesOf } from './testing/orders.ts';

const { sql, databaseUrl, participants: shop, issuer } = await orderShop();

test('the process places an order, and when told to end it confirms it first', async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: {
      DATABASE_URL: databaseUrl,
      PORT: '0',
      USER_ADDRESS: shop.address,
      PRODUCT_ADDRESS: shop.address,
      SERVICE_TOKEN: shop.token,
      SERVICE_TOKENS: 'product=a-token-for-tests-0123456789abcdef',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let port = 0;
  for await (const text of createInterface(child.stdout)) {
    const line = JSON.parse(text) as { msg: string; port?: number };
    if (line.msg === 'listening') {
      port = line.port ?? 0;
      break;
    }
  }
  child.stdout.resume();

  const userId = shop.addUser(1_000);
  const lamp = shop.addProduct(100, 5);
  const bearer = `Bearer ${await issuer.token({ userId })}`;
  const orders = createClient(
    OrderService,
    createGrpcTransport({
      baseUrl: `http://127.0.0.1:${port}`,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', bearer);
          return next(request);
        },
      ],
    }),
  );
  shop.inject('confirmReservation', 'fail', 'fail', 'fail');
  shop.inject('confirmHold', new Promise((resolve) => setTimeout(resolve, 1_500)));
  const lines = [{ productId: lamp, quantity: 2 }];
  const { order } = await orders.createOrder({ requestId: randomUUID(), lines });
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(await statesOf(sql, order?.id ?? '')).toEqual(['create-order COMMITTED']);
  expect(shop.stockOf(lamp)).toEqual({ available: 3, held: 0, used: 2 });
  expect(shop.walletOf(userId)).toEqual({ available: 800, held: 0, used: 200 });
});
