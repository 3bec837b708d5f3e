import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCaller } from '../testing/call.ts';
import { Cure } from './cure.ts';
import { freePort, loopback } from './free-port.ts';
import { isAlive } from './process-identity.ts';
import { AlreadyRunning, type Shop, startShop } from './shop.ts';
import type { ShopOptions } from './shop-options.ts';
import { readState, type ShopState } from './state.ts';

// The launcher on programs that start in a moment: the services themselves are tested elsewhere.
const home = mkdtempSync(join(tmpdir(), 'souk-shop-'));
/** Of a second shop. */
const other = mkdtempSync(join(tmpdir(), 'souk-other-'));
const lines: string[] = [];
const options: ShopOptions = {
  home,
  durable: false,
  entry: () => fileURLToPath(new URL('../testing/service.ts', import.meta.url)),
  log: (line) => lines.push(line),
};
let shop: Shop;
beforeAll(async () => {
  shop = await startShop(options);
});
afterAll(async () => {
  await shop.stop();
  for (const folder of [home, other]) rmSync(folder, { recursive: true, force: true });
});

const instance = (name: string) => {
  const found = shop.instances.find((one) => one.name === name);
  if (!found) throw new Error(`no instance is called ${name}`);
  return found;
};
const state = () => readState(shop.paths) as ShopState;
const pidOf = (name: string) => state().processes.find((one) => one.name === name)?.pid;
const patience = { timeout: 15_000, interval: 50 };

async function get(path = '/shop.product.v1.ProductService/GetProduct') {
  const caller = createCaller(shop.gatewayPort);
  const { code } = await caller.call(path);
  caller.close();
  return code;
}

describe('a shop', () => {
  it('has two instances of each service behind one port', async () => {
    expect(shop.instances.map(({ name }) => name).sort()).toEqual([
      'order-1',
      'order-2',
      'product-1',
      'product-2',
      'user-1',
      'user-2',
    ]);
    expect(await get()).toBe('OK');
    expect(state()).toMatchObject({ ready: true, gatewayPort: shop.gatewayPort });
    expect(state().processes.every(isAlive)).toBe(true);
  });

  it('lets nobody in before all of it serves', async () => {
    const gatewayPort = await freePort();
    const caller = createCaller(gatewayPort);
    const settings = { product: { TEST_START_MS: '2000' } };
    const starting = startShop({ ...options, home: other, replicas: 1, gatewayPort, settings });
    const call = async (path: string) => (await caller.call(path)).code;
    try {
      await expect.poll(() => call('/shop.order.v1.OrderService/GetOrder'), patience).toBe('OK');
      expect(await call('/shop.product.v1.ProductService/GetProduct')).toBe('OK');
    } finally {
      caller.close();
      await (await starting).stop();
    }
  });

  it('is run by one launcher at a time', async () => {
    await expect(startShop(options)).rejects.toThrow(AlreadyRunning);
  });

  it('starts a killed instance again, and lets it take calls again', async () => {
    const before = pidOf('product-1');
    expect(shop.kill('product-1')).toBe(true);
    await vi.waitFor(() => expect(instance('product-1').serving()).toBe(false), patience);
    expect(await get()).toBe('OK');
    await vi.waitFor(() => expect(instance('product-1').serving()).toBe(true), patience);
    expect(pidOf('product-1')).not.toBe(before);
    expect(lines.some((line) => /^product-1 died \(SIGKILL\)/.test(line))).toBe(true);
  });

  it.each(['envoy', 'postgres'])('starts a killed %s again, on the same port', async (name) => {
    const before = pidOf(name);
    const { gatewayPort, postgresPort } = state();
    expect(shop.kill(name)).toBe(true);
    await vi.waitFor(() => {
      expect(pidOf(name)).toBeDefined();
      expect(pidOf(name)).not.toBe(before);
    }, patience);
    await vi.waitFor(async () => expect(await get()).toBe('OK'), patience);
    expect(state()).toMatchObject({ gatewayPort, postgresPort });
  });

  it('lets an instance finish its calls when it is told to stop by somebody else, and starts it again', async () => {
    const before = pidOf('order-2');
    shop.kill('order-2', 'SIGTERM');
    await vi.waitFor(() => expect(pidOf('order-2')).not.toBe(before), patience);
    await vi.waitFor(() => expect(instance('order-2').serving()).toBe(true), patience);
    expect(lines.some((line) => /^order-2 died \(code 0\)/.test(line))).toBe(true);
  });
});

describe('a shop that can’t start', () => {
  it('tells of a taken port, and leaves nothing running', async () => {
    const taken = createServer().listen(0, loopback);
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await expect(startShop({ ...options, home: other, gatewayPort: port })).rejects.toThrow(
      new Cure(`port ${port} is taken by another program: stop it, or choose another by GATEWAY_PORT`),
    );
    await expect(startShop({ ...options, home: other, dashboardPort: port })).rejects.toThrow(
      new Cure(`port ${port} is taken by another program: stop it, or choose another by DASHBOARD_PORT`),
    );
    expect(readState({ ...shop.paths, state: join(other, 'run', 'state.json') })).toBeUndefined();
    taken.close();
  });

  it('tells of a folder that can’t be one', async () => {
    const file = join(home, 'file');
    writeFileSync(file, '');
    await expect(startShop({ ...options, home: file })).rejects.toThrow(
      /can't be written \(\w+\): give yourself/,
    );
  });

  it('tells why a service ends as soon as it starts, and leaves nothing running', async () => {
    const started: ShopState[] = [];
    await expect(
      startShop({
        ...options,
        home: other,
        replicas: 1,
        settings: { order: { TEST_FAILING: '1' } },
        log: () => {
          const now = readState({ ...shop.paths, state: join(other, 'run', 'state.json') });
          if (now) started.push(now);
        },
      }),
    ).rejects.toThrow(/^order-1 ends as soon as it starts: Error: told not to start/);
    const processes = started.flatMap((now) => now.processes);
    expect(processes.map(({ name }) => name)).toContain('postgres');
    expect(processes.filter(isAlive)).toEqual([]);
  });
});

describe('a launcher that was killed', () => {
  it('leaves a shop that runs on, until the next launcher clears it away', async () => {
    const program = `
      import { startShop } from ${JSON.stringify(new URL('shop.ts', import.meta.url).href)};
      const shop = await startShop({ home: ${JSON.stringify(other)}, durable: false, replicas: 1, entry: () => ${JSON.stringify(options.entry?.(''))} });
      process.kill(process.pid, 'SIGKILL');`;
    const [, how] = await once(spawn(process.execPath, ['--input-type=module', '-e', program]), 'exit');
    expect(how).toBe('SIGKILL');
    const orphans = readState({ ...shop.paths, state: join(other, 'run', 'state.json') })?.processes ?? [];
    expect(orphans.map(({ name }) => name).sort()).toEqual([
      'envoy',
      'order-1',
      'order-1-sidecar',
      'postgres',
      'product-1',
      'product-1-sidecar',
      'user-1',
      'user-1-sidecar',
    ]);
    expect(orphans.every(isAlive)).toBe(true);

    const next = await startShop({ ...options, home: other, replicas: 1 });
    expect(orphans.filter(isAlive)).toEqual([]);
    expect(lines).toContain('stopped 8 processes that a killed launcher had left behind');
    await next.stop();
    expect(readState(next.paths)).toBeUndefined();
  });
});
