import { fromBinary } from '@bufbuild/protobuf';
import { UserDeletedSchema, UserRegisteredSchema } from '@souk/contracts/shop/user/v1/user_events_pb.js';
import { Role } from '@souk/contracts/shop/user/v1/user_pb.js';
import { expect, it } from 'vitest';
import { type NewEvent, PARTITIONS, partitionOf } from '../../platform/events/event.ts';
import { testDatabase } from '../../platform/testing/database.ts';
import { snapshot } from './snapshot-store.ts';

const { sql } = await testDatabase('user');

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

it('says which accounts there are and were, each once, partition by partition', async () => {
  expect((await read(3)).events).toEqual([]);
  // 1,200 in partition 5, of which each third is deleted, and 40 anywhere.
  await sql`
    INSERT INTO users (id, email, display_name, password_hash, role, version, deleted_at)
    SELECT (left(gen_random_uuid()::text, 34) || '0d')::uuid,
      CASE WHEN n % 3 > 0 THEN n || '@x' END, CASE WHEN n % 3 > 0 THEN 'N' END, CASE WHEN n % 3 > 0 THEN '-' END,
      'customer', 7, CASE WHEN n % 3 = 0 THEN now() END
    FROM generate_series(1, 1200) n
    UNION ALL
    SELECT gen_random_uuid(), 'a' || n || '@x', 'N', '-', 'admin', 1, NULL FROM generate_series(1, 40) n`;

  const seen: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { pages, events } = await read(partition);
    for (const { subject } of events) expect(partitionOf(subject)).toBe(partition);
    seen.push(...events.map(({ subject }) => subject));
    if (partition === 5) expect(pages.slice(0, 2)).toEqual([500, 500]);
  }
  const users = await sql<{ id: string; role: string; deleted: boolean; version: bigint }[]>`
    SELECT id, role, deleted_at IS NOT NULL AS deleted, version FROM users`;
  expect(seen.toSorted()).toEqual(users.map(({ id }) => id).toSorted());

  const byId = new Map(users.map((user) => [user.id, user]));
  for (const { subject, type, data, traceparent } of (await read(5)).events) {
    const user = byId.get(subject);
    const schema = user?.deleted ? UserDeletedSchema : UserRegisteredSchema;
    expect([type, traceparent]).toEqual([schema.typeName, '']);
    const role = { role: user?.role === 'admin' ? Role.ADMIN : Role.CUSTOMER };
    expect(fromBinary(schema, data)).toMatchObject({
      userId: subject,
      version: user?.version,
      ...(!user?.deleted && role),
    });
  }
});
