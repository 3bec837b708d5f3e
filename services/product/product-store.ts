import { createBatcher } from '../../platform/batch/batcher.ts';
import type { Queryable, Sql, Transaction } from '../../platform/db/database.ts';
import { appendEvents } from '../../platform/events/outbox.ts';
import { checkEtag } from '../../platform/paging/etag.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import { type Money, nameKey, type Product, type ProductChange, productNotFound } from './product.ts';
import { productCreated, productDeleted, productUpdated } from './product-events.ts';

/** A {@link Product} as the database answers it. */
export type ProductRow = Omit<Product, 'price'> & { readonly price: bigint; readonly currency: string };

/** The columns of a {@link ProductRow}, from products `p` and its stock `s`. */
export const productColumns = (sql: Queryable) => sql`
  p.id, p.name, p.description, p.price, p.currency, p.version,
  p.created_at as "createdAt", p.updated_at as "updatedAt", s.available`;

/** The product in a row. */
export function toProduct(row: ProductRow): Product {
  const { id, name, description, price, currency, available, version, createdAt, updatedAt } = row;
  const money: Money = { currency, minorUnits: price };
  return { id, name, description, price: money, available, version, createdAt, updatedAt };
}

/** The products with these ids, in lower case; those that don't exist or were deleted are not in the map. */
export async function readProducts(sql: Sql, ids: readonly string[]): Promise<Map<string, Product>> {
  const rows = await sql<ProductRow[]>`
    select ${productColumns(sql)}
    from products p join stock s on s.product_id = p.id
    where p.id = any (${ids as string[]}::uuid[]) and p.deleted_at is null`;
  const products = new Map<string, Product>();
  for (const row of rows) products.set(row.id, toProduct(row));
  return products;
}

const MAX_READS = 128;

/** Reads single products. Reads that arrive together share a statement. Rejects with NOT_FOUND. */
export function createProductReader(sql: Sql): (id: string) => Promise<Product> {
  return createBatcher<string, Product>({
    maxSize: MAX_READS,
    async run(ids) {
      const products = await readProducts(sql, ids);
      return ids.map((id) => products.get(id) ?? productNotFound(id));
    },
  });
}

/** A product to be made. */
export interface NewProduct {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly price: Money;
}

/** Inserts a product, with no stock, and the event of it. */
export async function insertProduct(
  tx: Transaction,
  product: NewProduct,
  trace?: TraceContext,
): Promise<Product> {
  const { id, name, description, price } = product;
  const rows = await tx<ProductRow[]>`
    with p as (
      insert into products (id, name, name_key, description, price, currency)
      values (${id}, ${name}, ${nameKey(name)}, ${description}, ${price.minorUnits}, ${price.currency})
      returning *
    ), s as (
      insert into stock (product_id) select id from p returning available
    ), ranked as (
      insert into sales (product_id) select id from p
    )
    select ${productColumns(tx)} from p, s`;
  const made = toProduct(rows[0] as ProductRow);
  await appendEvents(tx, [productCreated(made, trace)]);
  return made;
}

/**
 * Changes a product, and adds the event of it. Throws NOT_FOUND, and ABORTED when `etag` is not empty and stale. Its
 * stock is locked from the change to the commit, as events about the stock are to be in one order with this one.
 */
export async function updateProduct(
  tx: Transaction,
  id: string,
  etag: string,
  change: ProductChange,
  trace?: TraceContext,
): Promise<Product> {
  const [locked] = await tx<{ version: bigint }[]>`
    select version from products where id = ${id} and deleted_at is null for no key update`;
  if (!locked) throw productNotFound(id);
  checkEtag(etag, locked.version);
  const { name, description, price } = change;
  const rows = await tx<ProductRow[]>`
    update products p set
      name = coalesce(${name ?? null}, p.name),
      name_key = coalesce(${name === undefined ? null : nameKey(name)}, p.name_key),
      description = coalesce(${description ?? null}, p.description),
      price = coalesce(${price?.minorUnits ?? null}, p.price),
      currency = coalesce(${price?.currency ?? null}, p.currency),
      version = p.version + 1,
      updated_at = now()
    from (select product_id, available from stock where product_id = ${id} for no key update) s
    where p.id = s.product_id
    returning ${productColumns(tx)}`;
  const changed = toProduct(rows[0] as ProductRow);
  await appendEvents(tx, [productUpdated(changed, trace)]);
  return changed;
}

/**
 * Deletes a product, so that from then on nothing more of it is ordered, and adds the event of it. One that was deleted
 * before stays as it is. Throws NOT_FOUND when there never was such a product, and ABORTED when `etag` is not empty and
 * stale.
 */
export async function deleteProduct(
  tx: Transaction,
  id: string,
  etag: string,
  trace?: TraceContext,
): Promise<void> {
  const [locked] = await tx<{ version: bigint; deleted: boolean }[]>`
    select version, deleted_at is not null as deleted from products where id = ${id} for no key update`;
  if (!locked) throw productNotFound(id);
  if (locked.deleted) return;
  checkEtag(etag, locked.version);
  await tx`
    with deleted as (
      update products set deleted_at = now(), updated_at = now(), version = version + 1 where id = ${id}
    )
    update stock set offered = false where product_id = ${id}`;
  await appendEvents(tx, [productDeleted(id, locked.version + 1n, trace)]);
}
