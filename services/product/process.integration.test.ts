import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ProductEventService } from '@souk/contracts/shop/product/v1/product_event_service_pb.js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { createTestIssuer } from '../../platform/testing/tokens.ts';
import { seedCatalogue } from './seed-catalogue.ts';
import { insertMissingProducts } from './seed-store.ts';
import { failure } from './test-service.ts';

const { sql, url } = await testDatabase('product');

test('the process serves public reads without the user service, and ends when told', async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: {
      DATABASE_URL: url,
      PORT: '0',
      // Nobody listens there.
      USER_ADDRESS: '127.0.0.1:9',
      ORDER_ADDRESS: '127.0.0.1:9',
      SERVICE_TOKEN: 'a-secret-of-the-product-service',
      SERVICE_TOKENS: 'order=a-secret-of-the-order-service',
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

  const token = await (await createTestIssuer()).token({ role: 'admin' });
  const transportWith = (headers: Record<string, string>) =>
    createGrpcTransport({
      baseUrl: `http://127.0.0.1:${port}`,
      interceptors: [
        (next) => (request) => {
          for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
          return next(request);
        },
      ],
    });
  const products = createClient(ProductService, transportWith({ authorization: `Bearer ${token}` }));
  expect((await products.listProducts({})).products).toEqual([]);
  const productId = '01890a5d-ac96-774b-bcce-b302099a8057';
  expect(await failure(products.getProduct({ productId }))).toMatchObject({ code: 'NotFound' });
  expect(await failure(products.deleteProduct({ productId }))).toMatchObject({ code: 'Unavailable' });

  const asOrder = {
    'x-souk-service': 'order',
    'x-souk-service-token': 'a-secret-of-the-order-service',
  };
  const events = createClient(ProductEventService, transportWith(asOrder));
  const partitions = Array.from({ length: 8 }, (_, partition) => ({ partition, position: 0n }));
  // Another process makes products: the seed.
  await insertMissingProducts(sql, seedCatalogue(3));
  const followed: string[] = [];
  for await (const batch of events.followEvents({ partitions })) {
    followed.push(...batch.events.map(({ type }) => type));
    if (followed.length === 3) break;
  }
  expect(new Set(followed)).toEqual(new Set(['shop.product.v1.ProductCreated']));

  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});
