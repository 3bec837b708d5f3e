import type { Sql } from '../../platform/db/database.ts';
import { appendEvents } from '../../platform/events/outbox.ts';
import { nameKey } from './product.ts';
import { productCreated } from './product-events.ts';
import type { SeedProduct } from './seed-catalogue.ts';

/**
 * Inserts the products whose ids there have never been, with their stock, and adds the events of them. Tells how many
 * these were.
 */
export async function insertMissingProducts(sql: Sql, products: readonly SeedProduct[]): Promise<number> {
  const column = <T>(value: (product: SeedProduct) => T): T[] => products.map(value);
  return sql.begin(async (tx) => {
    const added = await tx<{ id: string }[]>`
    with given as (
      select * from unnest(
        ${column(({ id }) => id)}::uuid[],
        ${column(({ name }) => name)}::text[],
        ${column(({ name }) => nameKey(name))}::text[],
        ${column(({ description }) => description)}::text[],
        ${column(({ price }) => price.minorUnits)}::bigint[],
        ${column(({ price }) => price.currency)}::text[],
        ${column(({ createdAt }) => createdAt)}::timestamptz[],
        ${column(({ stock }) => stock)}::bigint[]
      ) as g (id, name, name_key, description, price, currency, created_at, available)
    ), added as (
      insert into products (id, name, name_key, description, price, currency, created_at, updated_at)
      select id, name, name_key, description, price, currency, created_at, created_at from given
      on conflict do nothing
      returning id
    ), ranked as (
      insert into sales (product_id) select id from added
    )
    insert into stock (product_id, available) select id, available from given join added using (id)
    returning product_id as id`;
    const ids = new Set(added.map(({ id }) => id));
    const made = products.filter(({ id }) => ids.has(id));
    await appendEvents(
      tx,
      made.map((product) => productCreated({ ...product, version: 1n })),
    );
    return made.length;
  });
}
