import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { childrenOf, memoryOf } from '../mesh/local/memory.ts';
import { secretsIn } from '../mesh/local/secrets.ts';
import { type Shop, startShop } from '../mesh/local/shop.ts';
import type { ShopOptions } from '../mesh/local/shop-options.ts';
import { readState } from '../mesh/local/state.ts';
import { hostsOf } from '../mesh/local/wiring.ts';
import { addCustomers, addProducts, CUSTOMERS, idOf, PRODUCTS } from './fixture.ts';
import { type Measured, measure } from './measure.ts';
import type { Pace } from './one-method.ts';
import type { Scenario } from './one-method-process.ts';
import { issueTokens } from './tokens.ts';

/** A shop of its own, in a folder of its own, with customers and products. */
export interface BenchShop {
  readonly shop: Shop;
  /** How long it took to start, in milliseconds, with nothing in it. */
  readonly coldMs: number;
  /** Pids of all its processes but the launcher's. PostgreSQL's has children. */
  pids(): number[];
  postgres(): number;
  /** The pid of one of them: `envoy`, `product-1`. */
  pidOf(name: string): number | undefined;
  /** Who calls, and for what. */
  readonly callers: Pick<Scenario, 'tokens' | 'productIds'>;
  /** A load of CreateOrder: without a mesh on the order service's instances, else on the gateway. */
  order(pace: Pace, seconds: number): Promise<Measured>;
  /** A load of GetProduct, on the product service's instances or the gateway. */
  read(pace: Pace, seconds: number): Promise<Measured>;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startBenchShop(options: Omit<ShopOptions, 'home'>): Promise<BenchShop> {
  const home = mkdtempSync(join(tmpdir(), 'souk-bench-'));
  const remove = () => rmSync(home, { recursive: true, force: true });
  let shop: Shop;
  const began = performance.now();
  try {
    shop = await startShop({ ...options, home });
  } catch (cause) {
    remove();
    throw cause;
  }
  const coldMs = performance.now() - began;
  const stop = async () => {
    await shop.stop();
    remove();
  };
  try {
    await inDatabase(shop, 'product', addProducts);
    await inDatabase(shop, 'user', addCustomers);
    const callers = {
      tokens: await tokensOf(shop),
      productIds: Array.from({ length: PRODUCTS }, (_, n) => idOf(n + 1)),
    };
    const processes = () => readState(shop.paths)?.processes ?? [];
    const pids = () => processes().map(({ pid }) => pid);
    const load = (service: string, method: Scenario['method']) => {
      const targets =
        options.mesh === 'none' ? hostsOf(shop.addresses[service]) : [`127.0.0.1:${shop.gatewayPort}`];
      return (pace: Pace, seconds: number) => measure({ ...callers, method, targets, pace, seconds }, pids());
    };
    const [order, read] = [load('order', 'CreateOrder'), load('product', 'GetProduct')];
    const postgres = () => processes().find(({ kind }) => kind === 'postgres')?.pid ?? 0;
    const pidOf = (name: string) => processes().find((one) => one.name === name)?.pid;
    return { shop, coldMs, pids, pidOf, postgres, callers, order, read, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** What the processes and their children use together, in MB. */
export function processMemory(pids: readonly number[]): number {
  const all = pids.flatMap((pid) => [pid, ...childrenOf(pid)]);
  return all.reduce((sum, pid) => sum + memoryOf(pid), 0) / 1e6;
}

/** Runs `work` on a connection to a service's database. */
export async function inDatabase<T>(
  shop: Shop,
  service: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(shop.databaseUrl(service));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** An access token for each customer. */
function tokensOf(shop: Shop): Promise<string[]> {
  const source = {
    databaseUrl: shop.databaseUrl('user'),
    signingKeySecret: secretsIn(shop.paths.secrets)('signing-key-secret'),
  };
  const customers = Array.from({ length: CUSTOMERS }, (_, n) => idOf(n + 1));
  return issueTokens(
    source,
    customers.map((userId) => ({ userId, role: 'customer' })),
  );
}
