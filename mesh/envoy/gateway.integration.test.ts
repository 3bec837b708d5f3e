import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loopback } from '../local/free-port.ts';
import { checkHealth, healthClient } from '../local/health.ts';
import { type Backend, Failure, startBackend } from '../testing/backend.ts';
import { type Caller, createCaller } from '../testing/call.ts';
import { startTestGateway, type TestGateway } from '../testing/gateway.ts';

const getProduct = '/shop.product.v1.ProductService/GetProduct'; // idempotent, 1 s
const updateProduct = '/shop.product.v1.ProductService/UpdateProduct'; // not idempotent
const reserveStock = '/shop.product.v1.StockService/ReserveStock'; // for services alone

let gateway: TestGateway;
let outside: Caller;
let inside: Caller;
let backends: Backend[];

beforeAll(async () => {
  gateway = await startTestGateway();
  outside = createCaller(gateway.gatewayPort);
  inside = createCaller(gateway.internalPort);
});
afterAll(async () => {
  outside.close();
  inside.close();
  await gateway.stop();
});

beforeEach(async () => {
  backends = await Promise.all([1, 2].map(() => startBackend(gateway.contract, 'product')));
  for (const [i, { port }] of backends.entries())
    gateway.registry.add('product', `product-${i}`, { host: loopback, port });
  await gateway.untilHealthy('product', 2);
});
afterEach(async () => {
  for (const [i, backend] of backends.entries()) {
    gateway.registry.remove('product', `product-${i}`);
    backend.kill();
  }
  await gateway.untilHealthy('product', 0);
});

const one = () => backends[0] as Backend;
const other = () => backends[1] as Backend;
const calls = () => backends.flatMap((backend) => backend.calls).sort((a, b) => a.at - b.at);
const answerAll = (answer: Backend['answer']) => {
  for (const backend of backends) backend.answer = answer;
};

describe('routes', () => {
  it('lets in a method that is open to users', async () => {
    expect(await outside.call(getProduct)).toMatchObject({ code: 'OK' });
  });

  it('keeps a method that is for services out, and lets it through between services', async () => {
    expect(await outside.call(reserveStock)).toMatchObject({
      code: 'UNIMPLEMENTED',
      details: 'no such method',
    });
    expect(await inside.call(reserveStock)).toMatchObject({ code: 'OK' });
  });

  it('answers UNIMPLEMENTED to what nobody serves', async () => {
    expect(await outside.call('/shop.product.v1.ProductService/Nothing')).toMatchObject({
      code: 'UNIMPLEMENTED',
    });
  });

  it('answers UNAVAILABLE where a service has no instance', async () => {
    expect(await outside.call('/shop.user.v1.UserService/Login')).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('headers', () => {
  it('takes a service’s proof away from whoever calls from outside, and only there', async () => {
    const proof = { 'x-souk-service': 'order', 'x-souk-service-token': 'secret' };
    await outside.call(getProduct, proof);
    await inside.call(getProduct, proof);
    const [stranger, service] = calls().map(({ metadata }) => metadata.getMap());
    expect(stranger).not.toHaveProperty('x-souk-service');
    expect(stranger).not.toHaveProperty('x-souk-service-token');
    expect(service).toMatchObject(proof);
  });

  it('keeps the caller’s request id and trace, and makes an id where there is none', async () => {
    const sent = {
      'x-request-id': 'abc',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    const { headers } = await outside.call(getProduct, sent);
    expect(headers.get('x-request-id')).toEqual(['abc']);
    await outside.call(getProduct);
    const [kept, made] = calls().map(({ metadata }) => metadata.getMap());
    expect(kept).toMatchObject(sent);
    expect(made?.['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('does not let a stranger choose retries or timeouts by Envoy’s own headers', async () => {
    answerAll(() => {
      throw new Failure(status.UNAVAILABLE);
    });
    await outside.call(updateProduct, { 'x-envoy-retry-grpc-on': 'unavailable', 'x-envoy-max-retries': '3' });
    expect(calls()).toHaveLength(1);
  });
});

describe('retries', () => {
  it('tries an idempotent call again, elsewhere', async () => {
    one().answer = () => {
      throw new Failure(status.UNAVAILABLE);
    };
    // Both get the first try of some of these; a few failures more, and the bad one would be ejected.
    for (let i = 0; i < 4; i++) expect(await outside.call(getProduct)).toMatchObject({ code: 'OK' });
  });

  it('gives up after two more tries', async () => {
    answerAll(() => {
      throw new Failure(status.UNAVAILABLE);
    });
    expect(await outside.call(getProduct)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(calls()).toHaveLength(3);
  });

  it('never sends anything else twice', async () => {
    answerAll(() => {
      throw new Failure(status.UNAVAILABLE);
    });
    expect(await outside.call(updateProduct)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await inside.call(updateProduct)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(calls()).toHaveLength(2);
  });

  it('does not try a call again that was refused for cause', async () => {
    answerAll(() => {
      throw new Failure(status.NOT_FOUND);
    });
    expect(await outside.call(getProduct)).toMatchObject({ code: 'NOT_FOUND' });
    expect(calls()).toHaveLength(1);
  });

  it('turns to another instance when one accepts calls and never answers', async () => {
    one().answer = () => sleep(5_000, undefined, { ref: false });
    for (let i = 0; i < 3; i++) expect(await outside.call(getProduct)).toMatchObject({ code: 'OK' });
  });

  it('loses no read when an instance is cut off in the middle of many', async () => {
    answerAll(() => sleep(20));
    const reads = Array.from({ length: 64 }, () => outside.call(getProduct));
    await sleep(30);
    one().kill();
    reads.push(...Array.from({ length: 64 }, () => outside.call(getProduct)));
    const codes = (await Promise.all(reads)).map(({ code }) => code);
    expect(codes.filter((code) => code !== 'OK')).toEqual([]);
  });
});

describe('an answer that has begun', () => {
  it('is tried again when its instance is cut off before the end', async () => {
    answerAll(async ({ begin }) => {
      begin();
      await sleep(300);
    });
    const reads = Array.from({ length: 16 }, () => outside.call(getProduct));
    await sleep(100);
    one().kill();
    const codes = (await Promise.all(reads)).map(({ code }) => code);
    expect(codes.filter((code) => code !== 'OK')).toEqual([]);
  });
});

describe('deadlines', () => {
  it('ends a call at the contract’s bound', async () => {
    answerAll(() => sleep(3_000, undefined, { ref: false }));
    const { code, ms } = await outside.call(getProduct);
    expect(code).toBe('DEADLINE_EXCEEDED');
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(1_600);
  });

  it('ends it earlier where the caller asks for that', async () => {
    answerAll(() => sleep(3_000, undefined, { ref: false }));
    const { code, ms } = await outside.call(getProduct, { 'grpc-timeout': '200m' });
    expect(code).toBe('DEADLINE_EXCEEDED');
    expect(ms).toBeLessThan(600);
  });
});

describe('discovery', () => {
  it('sends no new call to an instance that was taken out, and lets it finish what it has', async () => {
    answerAll(() => sleep(400));
    const open = Array.from({ length: 8 }, () => outside.call(getProduct));
    await sleep(100);
    gateway.registry.remove('product', 'product-0');
    await sleep(150);
    const before = one().calls.length;
    expect(before).toBeGreaterThan(0);
    answerAll(() => {});
    for (let i = 0; i < 10; i++) await outside.call(getProduct);
    expect(one().calls).toHaveLength(before);
    expect((await Promise.all(open)).map(({ code }) => code)).toEqual(Array(8).fill('OK'));
  });

  it('leaves out an instance that fails its health check, and takes it back', async () => {
    one().setServing(false);
    await gateway.untilHealthy('product', 1);
    for (let i = 0; i < 10; i++) expect(await outside.call(getProduct)).toMatchObject({ code: 'OK' });
    expect(one().calls).toHaveLength(0);
    one().setServing(true);
    await gateway.untilHealthy('product', 2);
  });
});

describe('health through the gateway', () => {
  it('asks the service that the check names', async () => {
    const client = healthClient(`${loopback}:${gateway.gatewayPort}`);
    expect(await checkHealth(client, 'shop.product.v1.ProductService')).toBe(true);
    expect(await checkHealth(client, 'shop.user.v1.UserService')).toBe(false);
    expect(await checkHealth(client)).toBe(true);
    one().setServing(false);
    other().setServing(false);
    await sleep(50);
    expect(await checkHealth(client, 'shop.product.v1.StockService')).toBe(false);
    client.close();
  });
});
