import { randomUUID } from 'node:crypto';
import { ProductOrder } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { type Clients, clientsOf, euro, newProduct } from '../../test/clients.ts';
import { issueTokens } from '../tokens.ts';
import type { RunningShop } from './running-shop.ts';
import { CREDIT, type Customer, type World } from './sessions.ts';

/** So many people with accounts, new for each run. The gateway lets each of them make 500 calls a second. */
const CUSTOMERS = 100;
/** So many products are ordered from, the same for all runs. */
const PRODUCTS = 100;
/** There are at least so many pieces of each; as many as that come in at once when there are fewer. */
const PIECES = 500_000_000;
const NAME = 'Load test ware';
/** Registrations at once: each keeps a core busy for some 20 ms. */
const AT_ONCE = 4;

/** Gives the shop what a load needs: products in stock, and people with credit. All of it through the API. */
export async function prepare(shop: RunningShop, step: (text: string) => void): Promise<World> {
  const url = `http://${shop.address}`;
  const source = { databaseUrl: shop.databaseUrl('user'), signingKeySecret: shop.signingKeySecret };
  const [adminToken = ''] = await issueTokens(source, [{ userId: randomUUID(), role: 'admin' }]);
  const admin = clientsOf(url, adminToken);
  step('products');
  const productIds = await stockProducts(admin);
  const password = randomUUID();
  const people: Omit<Customer, 'token'>[] = [];
  await each(Array.from({ length: CUSTOMERS }), async () => {
    people.push(await register(url, admin, password));
    step(`customers: ${people.length} of ${CUSTOMERS}`);
  });
  const tokens = await issueTokens(
    source,
    people.map(({ userId }) => ({ userId, role: 'customer' })),
  );
  const customers = people.map((person, n) => ({ ...person, token: tokens[n] ?? '' }));
  return { customers, password, adminToken, productIds };
}

async function stockProducts(admin: Clients): Promise<string[]> {
  const query = { query: `"${NAME}"`, orderBy: ProductOrder.NAME, pageSize: PRODUCTS };
  const { products } = await admin.products.listProducts(query);
  const known = products.filter(({ name }) => name.startsWith(NAME));
  const ids = known.map(({ id }) => id);
  await each(known, async ({ id: productId }) => {
    const { stock } = await admin.stock.getStock({ productId });
    if ((stock?.available ?? 0n) >= PIECES) return;
    await admin.stock.adjustStock({ requestId: randomUUID(), productId, delta: BigInt(PIECES) });
  });
  await each(Array.from({ length: PRODUCTS - known.length }), async (_, n) => {
    const name = `${NAME} ${String(known.length + n + 1).padStart(3, '0')}`;
    const { id } = await newProduct(admin, 100 * (1 + (n % 50)), PIECES, name);
    ids.push(id);
  });
  return ids;
}

async function register(url: string, admin: Clients, password: string): Promise<Omit<Customer, 'token'>> {
  const email = `load-${randomUUID()}@example.com`;
  const account = { requestId: randomUUID(), email, password, displayName: 'Ada' };
  const { user } = await clientsOf(url).users.register(account);
  if (!user) throw new Error('Register answered without a user');
  await admin.wallets.grantCredit({ requestId: randomUUID(), userId: user.id, amount: euro(CREDIT) });
  return { userId: user.id, email };
}

/** Does `work` with each item, a few at once. */
async function each<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
