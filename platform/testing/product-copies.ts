import { readFile } from 'node:fs/promises';
import {
  type ProductCreated,
  ProductCreatedSchema,
  type ProductDeleted,
  ProductDeletedSchema,
  type ProductUpdated,
  ProductUpdatedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import type { Sql, Transaction } from '../db/database.ts';
import { type Subscription, subscribe } from '../events/consumer/subscription.ts';
import { type NewEvent, newEvent, partitionOf, type Received } from '../events/event.ts';
import { uuidv7 } from '../id.ts';

const schemas = [ProductCreatedSchema, ProductUpdatedSchema, ProductDeletedSchema] as const;
/** An event that {@link productCopies} takes effect of. */
export type ProductEvent = Received<ProductCreated | ProductUpdated | ProductDeleted>;

/** What a test adds to the handling of events. */
export interface CopiesOptions {
  prepare?(events: readonly ProductEvent[], signal: AbortSignal): Promise<void>;
  /** Runs first in each transaction: to throw, or to wait. */
  before?(events: readonly ProductEvent[], tx: Transaction): Promise<void> | void;
}

/** Creates the inbox, copies of products, and a list of all effects in their order. */
export async function createCopies(sql: Sql): Promise<void> {
  await sql.unsafe(await readFile(new URL('../events/inbox.sql', import.meta.url), 'utf8'));
  await sql.unsafe(`
    create table copies (product_id uuid primary key, name text not null, version bigint not null);
    create table effects (n bigint generated always as identity, subject uuid not null, version bigint not null)`);
}

/** A subscription that keeps copies of products, and notes each effect: one that happens twice is seen. */
export function productCopies({ prepare, before }: CopiesOptions = {}): Subscription {
  return subscribe('product', schemas, {
    ...(prepare && { prepare }),
    async handle(events, tx) {
      await before?.(events, tx);
      const live = events.filter(({ position }) => position > 0n);
      await tx`
        insert into effects (subject, version)
        select * from unnest(${live.map(({ subject }) => subject)}::uuid[], ${live.map(({ message }) => message.version)}::bigint[])`;
      const last = new Map(events.map((event) => [event.subject, event]));
      const [kept, gone] = [[] as ProductEvent[], [] as string[]];
      for (const event of last.values()) {
        if (event.message.$typeName === 'shop.product.v1.ProductDeleted') gone.push(event.subject);
        else kept.push(event);
      }
      await tx`delete from copies where product_id = any(${gone}::uuid[])`;
      await tx`
        insert into copies (product_id, name, version)
        select * from unnest(
          ${kept.map(({ subject }) => subject)}::uuid[], ${kept.map(nameOf)}::text[],
          ${kept.map(({ message }) => message.version)}::bigint[]
        )
        on conflict (product_id) do update set name = excluded.name, version = excluded.version`;
    },
    async reset(tx, partition) {
      await tx`delete from copies where get_byte(uuid_send(product_id), 15) % 8 = ${partition}`;
    },
  });
}

const nameOf = ({ message }: ProductEvent): string => ('name' in message ? message.name : '');

/** An event that says that a product has a version now; its name tells the same. */
export const updated = (productId: string, version: number | bigint, name = `v${version}`): NewEvent =>
  newEvent(ProductUpdatedSchema, productId, { productId, name, version: BigInt(version) });

/** An event that says that a product is gone. */
export const deleted = (productId: string, version: number | bigint): NewEvent =>
  newEvent(ProductDeletedSchema, productId, { productId, version: BigInt(version) });

/** `count` new ids of products, of one partition if it is given. */
export function productIds(count: number, partition?: number): string[] {
  const ids: string[] = [];
  while (ids.length < count) {
    const id = uuidv7();
    if (partition === undefined || partitionOf(id) === partition) ids.push(id);
  }
  return ids;
}

/** The versions of each product in the order in which they took effect. */
export async function effectsOf(sql: Sql): Promise<Map<string, number[]>> {
  const rows = await sql<{ subject: string; versions: number[] }[]>`
    select subject, array_agg(version::integer order by n) as versions from effects group by subject`;
  return new Map(rows.map(({ subject, versions }) => [subject, versions]));
}

/** How many effects there were. */
export async function countEffects(sql: Sql): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::integer as count from effects`;
  return row?.count ?? 0;
}
