import { fromBinary } from '@bufbuild/protobuf';
import {
  ProductCreatedSchema,
  ProductDeletedSchema,
} from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { expect, test } from 'vitest';
import { type NewEvent, PARTITIONS, partitionOf } from '../../platform/events/event.ts';
import { testDatabase } from '../../platform/testing/database.ts';
import { snapshot } from './snapshot-store.ts';

const { sql } = await testDatabase('product');

async function read(partition: number): Promise<{ pages: number[]; events: NewEvent[] }> {
  return sql.begin(async (tx) => {
    const pages: number[] = [];
    const events: NewEvent[] = [];
    for await (const page of snapshot(tx, partition)) {
      pages.push(page.length);
      events.push(...page);
    }
    return { pages, events };
  });
}

test('a snapshot says which products there are and were, each once, partition by partition', async () => {
  expect((await read(3)).events).toEqual([]);
  // 1,200 in partition 5, of which each third is deleted, and 40 anywhere.
  await sql`
    insert into products (id, name, name_key, price, currency, version, deleted_at)
    select (left(gen_random_uuid()::text, 34) || '0d')::uuid, 'Lamp ' || n, 'lamp', n, 'EUR', n + 1,
      case when n % 3 = 0 then now() end
    from generate_series(1, 1200) n
    union all
    select gen_random_uuid(), 'Rug', 'rug', 5, 'USD', 1, null from generate_series(1, 40) n`;

  const seen: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { pages, events } = await read(partition);
    for (const { subject } of events) expect(partitionOf(subject)).toBe(partition);
    seen.push(...events.map(({ subject }) => subject));
    if (partition === 5) expect(pages.slice(0, 2)).toEqual([500, 500]);
  }
  const rows = await sql<{ id: string; name: string; price: bigint; version: bigint; deleted: boolean }[]>`
    select id, name, price, version, deleted_at is not null as deleted from products`;
  expect(seen.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());

  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const { subject, type, data, traceparent } of (await read(5)).events) {
    const { name, price, version, deleted } = byId.get(subject) ?? { name: '' };
    const schema = deleted ? ProductDeletedSchema : ProductCreatedSchema;
    expect([type, traceparent]).toEqual([schema.typeName, '']);
    expect(fromBinary<typeof schema>(schema, data)).toMatchObject({
      productId: subject,
      version,
      ...(!deleted && { name, price: { minorUnits: price } }),
    });
  }
});
