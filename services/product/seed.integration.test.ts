import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { file_shop_product_v1_product_events as types } from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { expect, test } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { publishedEvents } from '../../platform/testing/published-events.ts';
import { seedCatalogue } from './seed-catalogue.ts';
import { insertMissingProducts } from './seed-store.ts';

const { sql, url } = await testDatabase('product');

async function seed(): Promise<string> {
  const program = fileURLToPath(new URL('./seed.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env: { DATABASE_URL: url } });
  return stdout.trim();
}

test('the seed adds a thousand products with stock, once', async () => {
  await insertMissingProducts(sql, seedCatalogue(10));
  await sql`update products set deleted_at = now()`;
  expect(await seed()).toBe('Added 990 products with their stock; 10 were there before.');
  expect(await seed()).toBe('Added 0 products with their stock; 1000 were there before.');
  const [counted] = await sql`
    select count(*)::int as products, count(distinct name)::int as names, min(available)::int as least,
      max(available)::int as most, count(distinct currency)::int as currencies, count(r.product_id)::int as ranked
    from products join stock s on s.product_id = id left join sales r on r.product_id = id`;
  expect(counted).toEqual({ products: 1000, names: 1000, least: 0, most: 500, currencies: 1, ranked: 1000 });
  const events = await publishedEvents(sql, types);
  expect(new Set(events.map(({ message }) => message.$typeName))).toEqual(
    new Set(['shop.product.v1.ProductCreated']),
  );
  expect(new Set(events.map(({ subject }) => subject)).size).toBe(1000);
  expect(events).toHaveLength(1000);
  const [deleted] = await sql`select count(*)::int as count from products where deleted_at is not null`;
  expect(deleted?.count).toBe(10);
});
