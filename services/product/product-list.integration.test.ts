import { randomUUID } from 'node:crypto';
import {
  type ListProductsRequest,
  ProductOrder,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { addSales } from './sales-store.ts';
import { euro, failure, newProduct, testService } from './test-service.ts';

const { sql, anonymous, admin } = await testService();
type Asked = Partial<
  Pick<ListProductsRequest, 'query' | 'availableOnly' | 'orderBy' | 'pageSize' | 'pageToken'>
>;
const list = (asked: Parameters<typeof anonymous.products.listProducts>[0]) =>
  anonymous.products.listProducts(asked);
const names = async (asked: Parameters<typeof list>[0]) =>
  (await list(asked)).products.map(({ name }) => name);

async function make(
  name: string,
  price: bigint,
  extra: { currency?: string; description?: string; stock?: number } = {},
) {
  const { product } = await admin.products.createProduct({
    requestId: randomUUID(),
    name,
    description: extra.description ?? '',
    price: { currencyCode: extra.currency ?? 'EUR', minorUnits: price },
  });
  const productId = product?.id ?? '';
  if (extra.stock)
    await admin.stock.adjustStock({ requestId: randomUUID(), productId, delta: BigInt(extra.stock) });
  return productId;
}

describe('a small catalogue', () => {
  let mug: string;
  beforeAll(async () => {
    mug = await make('Red mugs', 900n, { stock: 5, description: 'Two for tea' });
    await make('blue Mug', 500n, { description: 'For coffee' });
    await make('Teapot', 2_500n, { stock: 1, description: 'Pours tea into a mug' });
    await make('Éclair plate', 700n, { currency: 'USD', stock: 2 });
    await make('apron', 900n, { stock: 2 });
  });

  test('is searched as on the web', async () => {
    const find = async (query: string) => (await names({ query })).toSorted();
    expect(await find('mug')).toEqual(['Red mugs', 'Teapot', 'blue Mug']);
    expect(await find('MUGS -tea')).toEqual(['blue Mug']);
    expect(await find('"pours tea"')).toEqual(['Teapot']);
    expect(await find('coffee or apron')).toEqual(['apron', 'blue Mug']);
    expect(await find('mug coffee')).toEqual(['blue Mug']);
    expect(await find('  ')).toHaveLength(5);
    expect(await find('nothing-like-it')).toEqual([]);
  });

  test('is filtered by price and availability', async () => {
    const orderBy = ProductOrder.PRICE;
    expect(await names({ orderBy, minPrice: euro(900) })).toEqual(['Red mugs', 'apron', 'Teapot']);
    expect(await names({ orderBy, maxPrice: euro(899) })).toEqual(['blue Mug']);
    expect(await names({ orderBy, minPrice: euro(500), maxPrice: euro(900), availableOnly: true })).toEqual([
      'Red mugs',
      'apron',
    ]);
    expect(await names({ minPrice: { currencyCode: 'USD' } })).toEqual(['Éclair plate']);
    expect(await names({ minPrice: euro(2), maxPrice: euro(1) })).toEqual([]);
    expect(await names({ query: 'mug', orderBy, availableOnly: true, maxPrice: euro(2_000) })).toEqual([
      'Red mugs',
    ]);
  });

  test('is ordered', async () => {
    const byPrice = ['blue Mug', 'Red mugs', 'apron', 'Teapot', 'Éclair plate'];
    expect(await names({ orderBy: ProductOrder.PRICE })).toEqual(byPrice);
    expect(await names({ orderBy: ProductOrder.PRICE_DESC })).toEqual(byPrice.toReversed());
    expect(await names({ orderBy: ProductOrder.NAME })).toEqual([
      'apron',
      'blue Mug',
      'Éclair plate',
      'Red mugs',
      'Teapot',
    ]);
    const newest = ['apron', 'Éclair plate', 'Teapot', 'blue Mug', 'Red mugs'];
    expect(await names({})).toEqual(newest);
    expect(await names({ orderBy: ProductOrder.NEWEST })).toEqual(newest);
  });

  test('puts first what sells best', async () => {
    await addSales(sql, new Map([[mug, [0n, 3n, 0n, 0n, 0n, 0n, 0n, 0n]]]));
    const [first] = (await list({ orderBy: ProductOrder.BEST_SELLING })).products;
    expect(first).toMatchObject({ id: mug, available: 5n });
  });

  test('gives no way into its SQL', async () => {
    const before = await sql`select count(*) as count from products`;
    const attempts = [
      "'; drop table products; --",
      "' or '1'='1",
      "a') or true --",
      '\\',
      '"',
      '$1',
      '%',
      ':*',
      "!'&|(",
    ];
    for (const query of attempts) expect((await list({ query })).products.length).toBeLessThan(5);
    expect(await failure(list({ query: 'a\0b' }))).toMatchObject({
      code: 'InvalidArgument',
      fields: ['query'],
    });
    expect(await sql`select count(*) as count from products`).toEqual(before);
  });

  test('refuses tokens of another list, and what the contract forbids', async () => {
    const { nextPageToken: pageToken } = await list({ pageSize: 1, query: 'mug' });
    const others: Asked[] = [
      { query: 'mugs' },
      { query: '' },
      { query: 'mug', availableOnly: true },
      { query: 'mug', orderBy: ProductOrder.NAME },
      { query: 'mug', orderBy: ProductOrder.PRICE },
    ];
    const invalid = { code: 'InvalidArgument', reason: 'PAGE_TOKEN_INVALID', fields: ['page_token'] };
    for (const other of others)
      expect(await failure(list({ pageSize: 1, ...other, pageToken }))).toMatchObject(invalid);
    expect(await failure(list({ query: 'mug', pageToken, minPrice: euro(1) }))).toMatchObject(invalid);
    expect(await failure(list({ pageToken: 'AAAA' }))).toMatchObject(invalid);
    // Another page size and the unspecified order by its name are the same list.
    const same = await list({ query: 'mug', orderBy: ProductOrder.NEWEST, pageSize: 2, pageToken });
    expect(same.products).toHaveLength(2);

    const bad = [
      { pageSize: 101 },
      { pageSize: -1 },
      { orderBy: 99 as ProductOrder },
      { query: 'x'.repeat(201) },
    ];
    for (const asked of bad) expect(await failure(list(asked))).toMatchObject({ code: 'InvalidArgument' });
    const currencies = { minPrice: euro(1), maxPrice: { currencyCode: 'USD', minorUnits: 2n } };
    expect(await failure(list(currencies))).toMatchObject({ code: 'InvalidArgument' });
  });
});

describe('pages', () => {
  const COUNT = 250;
  let ids: string[];
  // Few prices and names, so that most places in the orders are ties.
  const tied = (n: number) =>
    make(`Paged ${'abcé'[n % 4]}`, BigInt(n % 3), { stock: n % 2, currency: n % 5 ? 'EUR' : 'CHF' });
  beforeAll(async () => {
    ids = [];
    while (ids.length < COUNT)
      ids.push(...(await Promise.all(Array.from({ length: 10 }, (_, n) => tied(ids.length + n)))));
    await sql`update sales set counts[1] = ('x' || right(product_id::text, 1))::bit(4)::int % 3`;
  }, 60_000);

  const orders = [1, 2, 3, 4, 5] as ProductOrder[];
  test.each(orders.flatMap((orderBy) => [{ orderBy }, { orderBy, query: 'paged' }]))(
    'neither repeat nor skip while another inserts: %o',
    async (asked) => {
      const seen: string[] = [];
      let pageToken = '';
      do {
        const [page] = await Promise.all([
          list({ ...asked, pageSize: 17, pageToken }),
          newProduct(admin, 0, 'Paged b'),
        ]);
        seen.push(...page.products.map(({ id }) => id));
        ({ nextPageToken: pageToken } = page);
      } while (pageToken !== '');
      expect(new Set(seen).size).toBe(seen.length);
      expect(ids.filter((id) => !seen.includes(id))).toEqual([]);
    },
  );

  test('hold 50 by default, and the last one has no token', async () => {
    expect((await list({})).products).toHaveLength(50);
    const query = 'paged';
    const all = await list({ query, availableOnly: true, pageSize: 100 });
    const rest = await list({ query, availableOnly: true, pageSize: 100, pageToken: all.nextPageToken });
    expect([all.products.length, rest.products.length, rest.nextPageToken]).toEqual([
      100,
      COUNT / 2 - 100,
      '',
    ]);
  });

  test('of a frequent word are read along the order', async () => {
    // More matches than are sorted.
    await sql`
      with p as (
        insert into products (id, name, name_key, price, currency)
        select gen_random_uuid(), 'Frequent ' || n, 'frequent ' || lpad(n::text, 5, '0'), n, 'EUR'
        from generate_series(1, 2100) n returning id
      ), s as (insert into stock (product_id) select id from p)
      insert into sales (product_id) select id from p`;
    const prices: bigint[] = [];
    let pageToken = '';
    do {
      const page = await list({
        query: 'frequent',
        orderBy: ProductOrder.PRICE_DESC,
        pageSize: 100,
        pageToken,
      });
      prices.push(...page.products.map(({ price }) => price?.minorUnits ?? 0n));
      ({ nextPageToken: pageToken } = page);
    } while (pageToken !== '');
    expect(prices).toEqual(Array.from({ length: 2_100 }, (_, n) => BigInt(2_100 - n)));
  });
});
