import { credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { service as healthService } from 'grpc-health-check';
import { expect, onTestFinished, test } from 'vitest';
import { implementPartly } from '../testing/implement.ts';
import { type TestServer, testServer } from '../testing/server.ts';
import { LIVENESS } from './health.ts';

const implementations = [implementPartly(ProductService, {})];

/** Asks for the status of `service`; a failed call answers its code. */
function check(server: TestServer, service: string): Promise<string> {
  const HealthClient = loadPackageDefinition({ Health: healthService } as never)
    .Health as ServiceClientConstructor;
  const client = new HealthClient(server.address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return new Promise((resolve) => {
    client.check?.({ service }, (error: { code: number } | null, response?: { status: string }) => {
      resolve(error === null ? (response?.status ?? '') : `code ${error.code}`);
    });
  });
}

test('health follows its check, for the server and for each service', async () => {
  let failure: Error | undefined;
  let checks = 0;
  const server = await testServer({
    implementations,
    health: async () => {
      checks++;
      if (failure !== undefined) throw failure;
    },
  });
  await expect.poll(() => check(server, '')).toBe('SERVING');
  expect(await check(server, 'shop.product.v1.ProductService')).toBe('SERVING');
  expect(await check(server, 'shop.order.v1.OrderService')).toBe('code 5');

  failure = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  await expect.poll(() => check(server, ''), { timeout: 2_500 }).toBe('NOT_SERVING');
  expect(await check(server, 'shop.product.v1.ProductService')).toBe('NOT_SERVING');
  failure = undefined;
  await expect.poll(() => check(server, ''), { timeout: 2_500 }).toBe('SERVING');

  server.server.setServing(false);
  expect(await check(server, '')).toBe('NOT_SERVING');
  // However often health was asked.
  expect(checks).toBeLessThan(8);
});

test('liveness serves whatever the server depends on', async () => {
  const server = await testServer({ implementations, health: () => Promise.reject(new Error('away')) });
  expect(await check(server, '')).toBe('NOT_SERVING');
  expect(await check(server, LIVENESS)).toBe('SERVING');
});

test('one slow answer of a dependency takes nobody out, two in a row do', async () => {
  const answers = [true, false, true, false, false];
  let index = 0;
  const seen: string[] = [];
  const server = await testServer({
    implementations,
    health: async () => {
      if (index > 0) seen.push(await check(server, ''));
      if (!(answers[index++] ?? false)) throw new Error('no answer within 1000 ms');
    },
  });
  await expect.poll(() => seen.length, { timeout: 8_000 }).toBeGreaterThanOrEqual(5);
  expect(seen.slice(0, 5)).toEqual(['SERVING', 'SERVING', 'SERVING', 'SERVING', 'NOT_SERVING']);
}, 10_000);

test('a Watch ends with the drain', async () => {
  const server = await testServer({ implementations });
  const HealthClient = loadPackageDefinition({ Health: healthService } as never)
    .Health as ServiceClientConstructor;
  const client = new HealthClient(server.address, credentials.createInsecure());
  onTestFinished(() => client.close());
  const statuses: string[] = [];
  const stream = client.watch?.({ service: '' });
  stream.on('data', ({ status }: { status: string }) => statuses.push(status));
  const ended = new Promise((resolve) => stream.on('error', resolve).on('end', resolve));
  await expect.poll(() => statuses).toContain('SERVING');
  const began = performance.now();
  await server.server.drain(5_000);
  await ended;
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(statuses.at(-1)).toBe('NOT_SERVING');
});
