import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { createGrpcWebTransport } from '@connectrpc/connect-node';
import { describe, expect, inject, it } from 'vitest';
import { clientsOver, newProduct, signIn } from './clients.ts';

const url = inject('gatewayUrl');
const run = promisify(execFile);

/** Calls through the gateway as a person would: by reflection alone, with no file of the contracts at hand. */
async function buf(...args: string[]): Promise<string> {
  const { stdout } = await run('buf', ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args]);
  return stdout;
}

describe('the gateway, on its one port,', () => {
  it('lists and describes all services by reflection', async () => {
    const methods = (await buf('--list-methods', url)).trim().split('\n');
    for (const method of [
      'user.v1.UserService/Login',
      'product.v1.StockService/GetStock',
      'order.v1.OrderService/WatchOrder',
    ]) {
      expect(methods).toContain(`shop.${method}`);
    }
  });

  it('serves gRPC to a client that knows the contract by reflection alone', async () => {
    const answer = JSON.parse(
      await buf('-d', '{"page_size": 1}', `${url}/shop.product.v1.ProductService/ListProducts`),
    );
    expect(answer).toBeTypeOf('object');
  });

  it('tells the health of the shop and of each service', async () => {
    const health = `${url}/grpc.health.v1.Health/Check`;
    const schema = ['--schema', 'node_modules/grpc-health-check/proto'];
    expect(JSON.parse(await buf(...schema, '-d', '{}', health))).toEqual({ status: 'SERVING' });
    for (const [service, name] of [
      ['user', 'shop.user.v1.UserService'],
      ['product', 'shop.product.v1.ProductService'],
      ['order', 'shop.order.v1.OrderService'],
    ]) {
      const answer = await buf(
        ...schema,
        '-H',
        `x-souk-service-name: ${service}`,
        '-d',
        `{"service": "${name}"}`,
        health,
      );
      expect(JSON.parse(answer)).toEqual({ status: 'SERVING' });
    }
  });

  it('serves JSON, and its errors as JSON', async () => {
    const post = (path: string, body: object) =>
      fetch(`${url}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const listed = await post('shop.product.v1.ProductService/ListProducts', { pageSize: 1 });
    expect(listed.status).toBe(200);
    expect(await listed.json()).toBeTypeOf('object');
    const missing = await post('shop.product.v1.ProductService/GetProduct', { productId: randomUUID() });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 5 });
  });

  it('serves gRPC-Web, also to a page of another origin', async () => {
    const { email, password } = inject('admin');
    await newProduct(await signIn(url, email, password), 100, 0);
    const web = clientsOver(createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }));
    expect((await web.products.listProducts({ pageSize: 1 })).products).toHaveLength(1);
    const preflight = await fetch(`${url}/shop.product.v1.ProductService/ListProducts`, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://localhost:3000',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-grpc-web,authorization',
      },
    });
    expect(preflight.status).toBe(200);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  });
});
