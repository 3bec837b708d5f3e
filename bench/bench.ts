import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf, memoryOf } from '../mesh/local/memory.ts';
import { type Shop, startShop } from '../mesh/local/shop.ts';
import { readState } from '../mesh/local/state.ts';
import { euro, newCustomer, newProduct, signIn } from '../test/clients.ts';
import { firstAdmin } from '../test/setup/first-admin.ts';
import { benchConfig } from './config.ts';
import type { Scenario } from './load-process.ts';
import { type Measured, measure, median } from './measure.ts';
import { printTable } from './table.ts';

// Measures a shop of its own, in one run: each round takes every subject once, so that a slow moment of the machine
// hits all of them; the medians of the rounds are compared.
const { rounds, seconds, concurrency } = benchConfig();

const home = mkdtempSync(join(tmpdir(), 'souk-bench-'));
let echo: ChildProcess | undefined;
let shop: Shop | undefined;
try {
  const began = performance.now();
  // Tokens outlast the rounds.
  shop = await startShop({ home, settings: { user: { ACCESS_TOKEN_TTL_S: '3600' } } });
  const coldMs = performance.now() - began;
  const idleMemory = memory(shop);
  const gateway = `127.0.0.1:${shop.gatewayPort}`;

  const { email, password } = firstAdmin(shop);
  const admin = await signIn(`http://${gateway}`, email, password);
  // Each with a wallet of their own, as in a shop: one wallet's orders have to take turns.
  const tokens: string[] = [];
  for (let customers = 0; customers < 50; customers++) {
    const { user, session } = await newCustomer(`http://${gateway}`);
    const grant = { requestId: randomUUID(), userId: user.id, amount: euro(10n ** 12n) };
    await admin.wallets.grantCredit(grant);
    tokens.push(session.accessToken);
  }
  const products = await Promise.all(Array.from({ length: 100 }, () => newProduct(admin, 100, 1_000_000)));
  const productIds = products.map(({ id }) => id);

  echo = spawn(process.execPath, [new URL('echo-server.ts', import.meta.url).pathname], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const echoPort = await new Promise<string>((resolve) =>
    echo?.stdout?.once('data', (line) => resolve(String(line).trim())),
  );

  const services = (name: string) => shop?.instances.filter(({ service }) => service === name) ?? [];
  const pid = (instance: ReturnType<typeof services>[number]) => instance.running()?.identity.pid ?? 0;
  const [product] = services('product');
  if (!product || !echo.pid) throw new Error('no product instance');
  const everything = processes(shop);
  const load = { tokens, productIds, concurrency, seconds };
  const get = { ...load, method: 'GetProduct', path: '/shop.product.v1.ProductService/GetProduct' } as const;
  const subjects: Record<string, [Scenario, number[]]> = {
    'echo, bare grpc-js': [{ ...get, target: `127.0.0.1:${echoPort}` }, [echo.pid]],
    'GetProduct, direct': [{ ...get, target: `127.0.0.1:${product.port()}` }, [pid(product)]],
    'GetProduct, through Envoy': [{ ...get, target: gateway }, everything],
    'CreateOrder, through Envoy': [
      { ...load, method: 'CreateOrder', path: '/shop.order.v1.OrderService/CreateOrder', target: gateway },
      everything,
    ],
  };

  const results = new Map<string, Measured[]>(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, [scenario, pids]] of Object.entries(subjects)) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${name}`.padEnd(70));
      const result = await measure(scenario, pids);
      // The first round warms up.
      if (round > 0) results.get(name)?.push(result);
    }
  }
  process.stderr.write('\r\x1b[K');

  const base = results.get('echo, bare grpc-js') ?? [];
  const ratio = (value: number, to: number) => (value / to).toFixed(2);
  printTable(
    ['', 'calls/s', 'of echo', 'CPU µs/call', 'of echo', 'p50 ms', 'p99 ms'],
    [...results].map(([name, rows]) => {
      const [rate, cpu] = [median(rows, (row) => row.perSecond), median(rows, (row) => row.cpuMicros)];
      return [
        name,
        rate.toFixed(0),
        ratio(
          rate,
          median(base, (row) => row.perSecond),
        ),
        cpu.toFixed(0),
        ratio(
          cpu,
          median(base, (row) => row.cpuMicros),
        ),
        median(rows, (row) => row.p50).toFixed(2),
        median(rows, (row) => row.p99).toFixed(2),
      ];
    }),
  );
  console.log(`\nstart of an empty shop: ${(coldMs / 1000).toFixed(1)} s`);
  console.log(`memory: ${idleMemory.toFixed(0)} MB idle, ${memory(shop).toFixed(0)} MB after the load`);
  console.log(
    `(${concurrency} calls under way, medians of ${rounds} rounds of ${seconds} s; CPU: of the one server when`,
  );
  console.log('direct, else of every process of the shop, PostgreSQL included)');
} finally {
  echo?.kill();
  await shop?.stop();
  rmSync(home, { recursive: true, force: true });
}

/** The pids of a shop's processes, without their children. */
function processes({ paths }: Shop): number[] {
  return readState(paths)?.processes.map(({ pid }) => pid) ?? [];
}

/** What they use together, in MB. */
function memory(shop: Shop): number {
  const pids = processes(shop).flatMap((pid) => [pid, ...childrenOf(pid)]);
  return pids.reduce((sum, pid) => sum + memoryOf(pid), 0) / 1e6;
}
