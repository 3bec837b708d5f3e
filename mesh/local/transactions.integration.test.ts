import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { printInFlight } from './transactions.ts';

const { sql, url } = await testDatabase('order');
const printed = async () => {
  const lines: string[] = [];
  await printInFlight(url, (line) => lines.push(line));
  return lines;
};
const insert = (kind: string, state: string, age: number) => sql`
  insert into transactions (id, kind, entity_id, state, open, attempts, last_error, lease_until, created_at)
  values (${randomUUID()}, ${kind}, ${randomUUID()}, ${state}, ${!['COMMITTED', 'ROLLED_BACK'].includes(state)}, 7,
    'UNAVAILABLE LOST', now() + interval '20 s', now() - ${age} * interval '1 second')`;

test('shows what is in flight, with age, state, attempts, pause and last error', async () => {
  expect(await printed()).toEqual(['No transaction is in flight.']);
  await insert('create-order', 'COMMITTED', 900);
  await insert('update-order', 'ROLLING_BACK', 90);
  const lines = await printed();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/update-order +ROLLING_BACK +90\.\d s +7 +(20\.0|19\.\d) s +UNAVAILABLE LOST$/);
});
