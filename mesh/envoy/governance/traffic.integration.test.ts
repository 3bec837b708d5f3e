import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeDetails } from '../../../platform/rpc/details.ts';
import { loopback } from '../../local/free-port.ts';
import { type Backend, Failure, startBackend } from '../../testing/backend.ts';
import { type Caller, createCaller, type Outcome } from '../../testing/call.ts';
import { knownEndpoints } from '../../testing/endpoints.ts';
import { startTestGateway, type TestGateway } from '../../testing/gateway.ts';
import { noFaults, setFaults } from './faults.ts';

// Each rule of this folder, on a real Envoy with real traffic. What isn't here is in gateway.integration.test.ts
// (discovery, health checks, timeouts), protocols.integration.test.ts (the access log), limits.integration.test.ts (what
// strangers may hold) and mesh/local (canaries).

const getProduct = '/shop.product.v1.ProductService/GetProduct'; // idempotent
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function gatewayWith(
  options: Parameters<typeof startTestGateway>[0],
  count: number,
  headers: Readonly<Record<string, string>> = {},
) {
  const gateway = await startTestGateway(options);
  open.push(gateway.stop);
  const backends: Backend[] = [];
  for (let n = 0; n < count; n++) backends.push(await addBackend(gateway, n, headers));
  await gateway.untilHealthy('product', count);
  return { gateway, backends, caller: callerOf(gateway) };
}

async function addBackend(
  gateway: TestGateway,
  n: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const backend = await startBackend(gateway.contract, 'product', 0, headers);
  open.push(backend.kill);
  gateway.registry.add('product', `product-${n}`, { host: loopback, port: backend.port });
  return backend;
}

function callerOf({ gatewayPort }: TestGateway): Caller {
  const caller = createCaller(gatewayPort);
  open.push(caller.close);
  return caller;
}

/** As many calls as said, so many at a time. */
async function calls(count: number, atOnce: number, call: () => Promise<Outcome>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) outcomes.push(await call());
    }),
  );
  return outcomes;
}
const withCode = (outcomes: readonly Outcome[], code: Outcome['code']) =>
  outcomes.filter((outcome) => outcome.code === code);
const unavailable = () => {
  throw new Failure(status.UNAVAILABLE);
};

describe('retries', () => {
  it('are at most a fifth more than the calls when everything fails', async () => {
    const { backends, caller } = await gatewayWith({}, 2);
    for (const backend of backends) backend.answer = unavailable;
    const outcomes = await calls(1_000, 16, () => caller.call(getProduct));
    expect(withCode(outcomes, 'OK')).toEqual([]);
    const tries = backends.reduce((sum, backend) => sum + backend.calls.length, 0);
    expect(tries).toBeLessThanOrEqual(1_200);
    expect(outcomes.every(({ trailers }) => trailers.get('x-souk-retry').length === 0)).toBe(true);
  });

  it('are not for what the callee passes on, which is no reason to leave it out', async () => {
    const { gateway, backends, caller } = await gatewayWith({}, 2, { 'x-souk-passed-on': '1' });
    for (const backend of backends) backend.answer = unavailable;
    const outcomes = await calls(20, 1, () => caller.call(getProduct));
    expect(withCode(outcomes, 'UNAVAILABLE')).toHaveLength(20);
    expect(outcomes.every(({ headers }) => headers?.get('x-souk-passed-on').length === 0)).toBe(true);
    expect(backends.reduce((sum, backend) => sum + backend.calls.length, 0)).toBe(20);
    const known = [...(await knownEndpoints(gateway.adminPort, 'product')).values()];
    expect(known.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
  });

  it('hide one broken instance of three', async () => {
    const { backends, caller } = await gatewayWith({}, 3);
    (backends[0] as Backend).answer = unavailable;
    expect(withCode(await calls(200, 8, () => caller.call(getProduct)), 'OK')).toHaveLength(200);
  });
});

describe('an outlier', () => {
  const untilLeftOut = (bad: Backend, caller: Caller) =>
    expect
      .poll(
        async () => {
          const before = bad.calls.length;
          await calls(20, 4, () => caller.call(getProduct));
          return bad.calls.length - before;
        },
        { timeout: 10_000 },
      )
      .toBe(0);

  it('is left out although its health checks pass, and is let back in', async () => {
    const { backends, caller } = await gatewayWith({}, 2);
    const [bad] = backends as [Backend, Backend];
    bad.answer = unavailable;
    await untilLeftOut(bad, caller);
    bad.answer = () => {};
    const before = bad.calls.length;
    await expect
      .poll(
        async () => {
          await calls(20, 4, () => caller.call(getProduct));
          return bad.calls.length;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBeGreaterThan(before);
  });

  it('is none that is slow a few times in a row, as just after its start', async () => {
    const { gateway, backends, caller } = await gatewayWith({}, 2);
    for (const backend of backends) backend.answer = () => sleep(600);
    await calls(6, 6, () => caller.call(getProduct));
    const known = [...(await knownEndpoints(gateway.adminPort, 'product')).values()];
    expect(known.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
  });

  it('takes calls again when the only other instance fails them', async () => {
    const { backends, caller } = await gatewayWith({}, 2);
    const [bad, dead] = backends as [Backend, Backend];
    bad.answer = unavailable;
    await untilLeftOut(bad, caller);
    bad.answer = () => {};
    // Nobody tells the gateway, whose health checks need two seconds.
    dead.kill();
    const outcomes = await calls(50, 1, () => caller.call(getProduct));
    expect(withCode(outcomes, 'OK').length).toBeGreaterThan(44);
  });
});

describe('balancing', () => {
  it('gives a slow instance fewer calls than a fast one', async () => {
    const { backends, caller } = await gatewayWith({}, 2);
    const [slow, fast] = backends as [Backend, Backend];
    slow.answer = () => sleep(100);
    await calls(300, 16, () => caller.call(getProduct));
    expect(fast.calls.length).toBeGreaterThan(2 * slow.calls.length);
  });

  it('gives a new instance few calls at first, and its part in the end', async () => {
    const { gateway, backends, caller } = await gatewayWith({}, 1);
    await sleep(5_500);
    const late = await addBackend(gateway, 1);
    await gateway.untilHealthy('product', 2);
    const share = async () => {
      const [first] = backends as [Backend];
      const [before, beforeLate] = [first.calls.length, late.calls.length];
      await calls(300, 2, () => caller.call(getProduct));
      const [old, fresh] = [first.calls.length - before, late.calls.length - beforeLate];
      return fresh / (old + fresh);
    };
    const atFirst = await share();
    expect(atFirst).toBeGreaterThan(0);
    expect(atFirst).toBeLessThan(0.4);
    await sleep(5_500);
    expect(await share()).toBeGreaterThan(0.4);
  });
});

describe('a circuit breaker', () => {
  const few = () => ({ connections: 4, pending: 4, calls: 4 });

  it('answers at once what is too much', async () => {
    const { backends, caller } = await gatewayWith({ limits: few }, 1);
    (backends[0] as Backend).answer = () => sleep(300);
    const outcomes = await calls(20, 20, () => caller.call(getProduct));
    const refused = withCode(outcomes, 'RESOURCE_EXHAUSTED');
    expect(withCode(outcomes, 'OK')).toHaveLength(4);
    expect(refused).toHaveLength(16);
    expect(Math.max(...refused.map(({ ms }) => ms))).toBeLessThan(250);
    const [details] = refused[0]?.trailers.get('grpc-status-details-bin') ?? [];
    expect(decodeDetails(details as Buffer)).toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 1_000 });
    expect(backends[0]?.calls).toHaveLength(4);
  });

  it.each([
    ['JSON', 'application/json', '{}', {}, 429],
    ['gRPC-Web', 'application/grpc-web+proto', Buffer.alloc(5), { 'x-grpc-web': '1' }, 200],
  ])('tells callers over %s the same', async (_, contentType, body, headers, http) => {
    const { gateway, backends, caller } = await gatewayWith({ limits: () => ({ ...few(), calls: 1 }) }, 1);
    (backends[0] as Backend).answer = () => sleep(300);
    const first = caller.call(getProduct);
    await expect.poll(() => backends[0]?.calls.length).toBe(1);
    const response = await fetch(`http://${loopback}:${gateway.gatewayPort}${getProduct}`, {
      method: 'POST',
      headers: { 'content-type': contentType, ...headers },
      body,
    });
    expect(response.status).toBe(http);
    expect(response.headers.get('grpc-status')).toBe('8');
    const details = Buffer.from(response.headers.get('grpc-status-details-bin') ?? '', 'base64');
    expect(decodeDetails(details)).toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 1_000 });
    const text = await response.text();
    if (http !== 200) {
      const types = 'type.googleapis.com/google.rpc.';
      expect(JSON.parse(text)).toEqual({
        code: 8,
        message: expect.stringContaining('Wait for a second'),
        details: [
          { '@type': `${types}ErrorInfo`, reason: 'OVERLOADED', domain: 'souk' },
          { '@type': `${types}RetryInfo`, retryDelay: '1s' },
        ],
      });
    } else expect(response.headers.get('grpc-message')).toContain('Wait for a second');
    expect((await first).code).toBe('OK');
  });

  it('does not say so of a call that an instance cut off', async () => {
    const { backends, caller } = await gatewayWith({}, 1);
    const [backend] = backends as [Backend];
    backend.answer = () => {
      backend.kill();
    };
    const outcomes = await calls(300, 300, () => caller.call(getProduct));
    expect(withCode(outcomes, 'RESOURCE_EXHAUSTED')).toEqual([]);
    expect(withCode(outcomes, 'UNAVAILABLE').length).toBeGreaterThan(128);
  });

  it('counts neither streams nor what serves a call that has been let in', async () => {
    const { gateway, backends, caller } = await gatewayWith({ limits: few }, 1);
    const order = await startBackend(gateway.contract, 'order');
    open.push(order.kill);
    gateway.registry.add('order', 'order-0', { host: loopback, port: order.port });
    await gateway.untilHealthy('order', 1);
    for (const backend of [...backends, order]) backend.answer = () => sleep(300);
    const inside = createCaller(gateway.internalPort);
    open.push(inside.close);
    const [served, streams, refused] = await Promise.all([
      calls(20, 20, () => inside.call('/shop.product.v1.StockService/ReserveStock')),
      calls(20, 20, () => caller.call('/shop.order.v1.OrderService/WatchOrder')),
      calls(20, 20, () => caller.call(getProduct)),
    ]);
    expect(withCode(served, 'OK')).toHaveLength(20);
    expect(withCode(streams, 'OK')).toHaveLength(20);
    expect(withCode(refused, 'OK')).toHaveLength(4);
  });
});

describe('a rate limit', () => {
  it('is each caller’s own, and tells how long to wait', async () => {
    const { caller } = await gatewayWith({ rates: { perCaller: 10, perAddress: 1_000 } }, 1);
    const as = (authorization?: string) => () =>
      caller.call(getProduct, authorization === undefined ? {} : { authorization });
    const greedy = await calls(60, 4, as('Bearer greedy'));
    const refused = withCode(greedy, 'RESOURCE_EXHAUSTED');
    expect(refused.length).toBeGreaterThan(20);
    expect(withCode(greedy, 'OK').length).toBeGreaterThanOrEqual(20);
    const [details] = refused[0]?.trailers.get('grpc-status-details-bin') ?? [];
    expect(decodeDetails(details as Buffer)).toMatchObject({ reason: 'RATE_LIMITED', retryAfterMs: 1_000 });
    expect(withCode(await calls(15, 4, as('Bearer modest')), 'OK')).toHaveLength(15);
    expect(withCode(await calls(15, 4, as()), 'OK')).toHaveLength(15);
    expect(withCode(await calls(60, 4, as()), 'RESOURCE_EXHAUSTED').length).toBeGreaterThan(20);
  });

  it('is an address’s own, whatever tokens it brings', async () => {
    const { caller } = await gatewayWith({ rates: { perCaller: 1_000, perAddress: 10 } }, 1);
    let token = 0;
    const outcomes = await calls(60, 4, () =>
      caller.call(getProduct, { authorization: `Bearer ${token++}` }),
    );
    expect(withCode(outcomes, 'RESOURCE_EXHAUSTED').length).toBeGreaterThan(20);
  });
});

describe('faults', () => {
  it('spoil calls between services, and none from outside, until they are taken away', async () => {
    const { gateway, backends, caller } = await gatewayWith({ faults: true }, 1);
    const admin = `http://${loopback}:${gateway.adminPort}`;
    const inside = createCaller(gateway.internalPort);
    open.push(inside.close);

    await setFaults(admin, { ...noFaults, abortPercent: 100 });
    expect(withCode(await calls(10, 2, () => inside.call(getProduct)), 'UNAVAILABLE')).toHaveLength(10);
    expect(backends[0]?.calls).toEqual([]);
    expect(withCode(await calls(10, 2, () => caller.call(getProduct)), 'OK')).toHaveLength(10);

    await setFaults(admin, { ...noFaults, delayPercent: 100, delayMs: 200 });
    for (const { code, ms } of await calls(10, 10, () => inside.call(getProduct))) {
      expect(code).toBe('OK');
      expect(ms).toBeGreaterThanOrEqual(190);
    }

    await setFaults(admin, noFaults);
    const after = await calls(10, 1, () => inside.call(getProduct));
    expect(withCode(after, 'OK')).toHaveLength(10);
    expect(Math.min(...after.map(({ ms }) => ms))).toBeLessThan(150);
  });
});
