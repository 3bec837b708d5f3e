import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loopback } from '../local/free-port.ts';
import { checkHealth, healthClient } from '../local/health.ts';
import { type Backend, Failure, startBackend } from '../testing/backend.ts';
import { startTestGateway, type TestGateway } from '../testing/gateway.ts';

let gateway: TestGateway;
let backend: Backend;
beforeAll(async () => {
  gateway = await startTestGateway();
  backend = await startBackend(gateway.contract, 'product');
  gateway.registry.add('product', 'product-1', { host: loopback, port: backend.port });
  await gateway.untilHealthy('product', 1);
});
beforeEach(() => {
  backend.answer = () => {};
});
afterAll(async () => {
  await gateway.stop();
  backend.kill();
});

function post(
  path: string,
  contentType: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
) {
  return fetch(`http://${loopback}:${gateway.gatewayPort}/shop.product.v1.${path}`, {
    method: 'POST',
    headers: { 'content-type': contentType, ...headers },
    body,
  });
}
const json = (path: string, body: string, headers?: Record<string, string>) =>
  post(path, 'application/json', body, headers);

describe('JSON', () => {
  it('calls a method by its gRPC path, and writes fields at their defaults', async () => {
    const response = await json('ProductService/ListProducts', '{"pageSize": 3}');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ products: [], nextPageToken: '' });
  });

  it('gives a failure as google.rpc.Status under the HTTP status of its code', async () => {
    backend.answer = () => {
      throw new Failure(status.NOT_FOUND);
    };
    const response = await json('ProductService/GetProduct', '{}');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ code: 5, message: 'told to fail with NOT_FOUND', details: [] });
  });

  it.each([
    ['a body that does not parse', 'ProductService/ListProducts', '{"pageSize": "many"}', 400, 3],
    ['a method for services alone', 'StockService/ReserveStock', '{}', 404, 12],
    ['a method that there is not', 'ProductService/Nothing', '{}', 404, 12],
  ])('answers %s in the same form', async (_, path, body, http, code) => {
    const response = await json(path, body);
    expect(response.status).toBe(http);
    expect(await response.json()).toMatchObject({ code, message: expect.any(String) });
  });

  it('answers a call that takes too long in the same form', async () => {
    backend.answer = () => sleep(3_000, undefined, { ref: false });
    const response = await json('ProductService/GetProduct', '{}');
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: 4 });
  });
});

describe('gRPC-Web', () => {
  const empty = Buffer.alloc(5);

  it('calls a method and reads the status from the trailers in the body', async () => {
    const response = await post('ProductService/GetProduct', 'application/grpc-web+proto', empty);
    expect(response.headers.get('content-type')).toBe('application/grpc-web+proto');
    expect(await response.text()).toContain('grpc-status:0');
  });

  it('allows pages of this machine to call, and no others', async () => {
    const preflight = async (origin: string) => {
      const response = await fetch(
        `http://${loopback}:${gateway.gatewayPort}/shop.product.v1.ProductService/GetProduct`,
        { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } },
      );
      return response.headers.get('access-control-allow-origin');
    };
    expect(await preflight('http://localhost:3000')).toBe('http://localhost:3000');
    expect(await preflight('https://elsewhere.example')).toBeNull();
    expect(await preflight('http://localhost.elsewhere.example')).toBeNull();
  });
});

describe('the access log', () => {
  it('has a line for each call, and no token', async () => {
    await json('ProductService/GetProduct', '{}', {
      authorization: 'Bearer hidden',
      'x-request-id': 'logged',
    });
    // Envoy writes what it has once a second.
    await expect
      .poll(() => gateway.accessLog().find((line) => line.request_id === 'logged'), { timeout: 5_000 })
      .toMatchObject({
        listener: 'gateway',
        path: '/shop.product.v1.ProductService/GetProduct',
        status: 200,
        cluster: 'product',
        upstream: `${loopback}:${backend.port}`,
      });
    expect(JSON.stringify(gateway.accessLog())).not.toContain('hidden');
  });

  it('has none for a health check, unless that was not answered', async () => {
    const client = healthClient(`${loopback}:${gateway.gatewayPort}`);
    const before = gateway.accessLog().length;
    expect(await checkHealth(client, 'shop.product.v1.ProductService')).toBe(true);
    expect(await checkHealth(client, 'shop.user.v1.UserService')).toBe(false);
    client.close();
    const added = () => gateway.accessLog().slice(before);
    await expect.poll(() => added().length, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(added()).toMatchObject([{ path: '/grpc.health.v1.Health/Check', grpc_status: 'Unavailable' }]);
  });
});
