import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { sweep } from './housekeeping.ts';

const { sql } = await testDatabase('product');

test('old requests and finished branches go, a bounded number at once, and nothing else', async () => {
  await sql`
    insert into requests (scope, request_id, fingerprint, created_at)
    select 'x', gen_random_uuid(), '', now() - case n when 0 then interval '23 h' else interval '25 h' end
    from generate_series(0, 1500) n`;
  // Ids of version 7, from a time long past.
  await sql`
    insert into branches (transaction_id, branch_id, kind, state, created_at)
    select ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'stock', 'reserve',
      case n when 0 then 'HELD' else 'CANCELLED' end, now() - interval '31 days'
    from generate_series(0, 1500) n`;
  await sql`
    insert into branches (transaction_id, branch_id, kind, state)
    values (${randomUUID()}, 'stock', 'reserve', 'CANCELLED')`;
  const counts = async () => {
    const [row] = await sql`
      select (select count(*) from requests)::integer as requests, (select count(*) from branches)::integer as branches`;
    return row;
  };
  expect(await sweep(sql)).toBe(true);
  expect(await counts()).toEqual({ requests: 501, branches: 502 });
  expect(await sweep(sql)).toBe(false);
  expect(await counts()).toEqual({ requests: 1, branches: 2 });
});
