import { expect, test } from 'vitest';
import { summarize } from './statement.ts';

test.each([
  ['select a from products where id = $1', 'SELECT products'],
  ['begin', 'BEGIN'],
  ['update orders set x = $1 where id = $2', 'UPDATE orders'],
  ['insert into outbox (a) select a from unnest($1) on conflict do update set a = 1', 'INSERT outbox'],
  ['delete from requests where id in (select id from requests for update skip locked)', 'DELETE requests'],
  [
    'with changed as (update orders set a = 1 returning *), put as (insert into outbox select * from changed) select 1',
    'UPDATE orders outbox',
  ],
  ['select from a join b on true cross join lateral (select 1) c', 'SELECT a b'],
  ['select * from move_events($1, $2, $3)', 'SELECT'],
])('%s', (text, summary) => {
  expect(summarize(text).text).toBe(summary);
});
