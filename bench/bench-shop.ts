import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { childrenOf, memoryOf } from '../mesh/local/memory.ts';
import { secretsIn } from '../mesh/local/secrets.ts';
import { type Shop, type ShopOptions, startShop } from '../mesh/local/shop.ts';
import { readState } from '../mesh/local/state.ts';
import { hostsOf } from '../mesh/local/wiring.ts';
import { connect } from '../platform/db/database.ts';
import { createLogger } from '../platform/telemetry/log.ts';
import { createAccessTokenIssuer } from '../services/user/access-token-issuer.ts';
import { openKeysOf } from '../services/user/signing-keys.ts';
import { addCustomers, addProducts, CUSTOMERS, idOf, PRODUCTS } from './fixture.ts';
import type { Pace } from './load.ts';
import type { Scenario } from './load-process.ts';
import { type Measured, measure } from './measure.ts';

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
  stop(): Promise<void>;
}

/** Tokens outlast the rounds. */
const TOKEN_TTL_S = 3 * 3_600;

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
    const targets =
      options.mesh === 'none' ? hostsOf(shop.addresses.order) : [`127.0.0.1:${shop.gatewayPort}`];
    const order = (pace: Pace, seconds: number) =>
      measure({ ...callers, method: 'CreateOrder', targets, pace, seconds }, pids());
    const postgres = () => processes().find(({ kind }) => kind === 'postgres')?.pid ?? 0;
    const pidOf = (name: string) => processes().find((one) => one.name === name)?.pid;
    return { shop, coldMs, pids, pidOf, postgres, callers, order, stop };
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

/** An access token for each customer, as the user service would issue it: a thousand logins would take a minute. */
async function tokensOf(shop: Shop): Promise<string[]> {
  const log = createLogger({ service: 'user', instance: 'bench', level: 'warn' });
  const config = { DATABASE_URL: shop.databaseUrl('user'), DATABASE_POOL_SIZE: 1, INSTANCE: 'bench' };
  const database = connect(config, log);
  try {
    const SIGNING_KEY_SECRET = secretsIn(shop.paths.secrets)('signing-key-secret');
    const settings = { SIGNING_KEY_SECRET, SIGNING_KEY_ROTATION_S: 30 * 86_400, ACCESS_TOKEN_TTL_S: 300 };
    const issue = createAccessTokenIssuer(await openKeysOf(settings, database.sql, log), TOKEN_TTL_S);
    const tokens: string[] = [];
    for (let n = 1; n <= CUSTOMERS; n++) {
      const { token } = await issue({ userId: idOf(n), role: 'customer', sessionId: idOf(n) });
      tokens.push(token);
    }
    return tokens;
  } finally {
    await database.close();
  }
}
