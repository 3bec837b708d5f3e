import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { testDatabase } from '../../platform/testing/database.ts';
import { sweep } from './housekeeping.ts';

const { sql } = await testDatabase('user');

it('deletes what has expired, a bounded number at once, and nothing else', async () => {
  const user = randomUUID();
  await sql`
    INSERT INTO users (id, email, display_name, password_hash, role)
    VALUES (${user}, 'a@souk.example', 'A', '-', 'customer')`;
  // 1,500 of each that have expired, and one of each that has not.
  await sql`
    INSERT INTO requests (scope, request_id, fingerprint, created_at)
    SELECT 'register', gen_random_uuid(), '', now() - CASE n WHEN 0 THEN interval '23 h' ELSE interval '25 h' END
    FROM generate_series(0, 1500) n`;
  // Ids of version 7, from a time long past.
  await sql`
    INSERT INTO branches (transaction_id, branch_id, kind, state, user_id, amount, created_at)
    SELECT ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'wallet', 'hold',
      CASE n WHEN 0 THEN 'HELD' ELSE 'CANCELLED' END, ${user}, 0, now() - interval '31 days'
    FROM generate_series(0, 1500) n`;
  await sql`
    INSERT INTO login_failures (account, failures, blocked_until, last_attempt_at)
    SELECT sha256(n::text::bytea), 1, now(), now() - CASE n WHEN 0 THEN interval '59 min' ELSE interval '61 min' END
    FROM generate_series(0, 1500) n`;
  await sql`
    INSERT INTO sessions (id, user_id, expires_at)
    SELECT gen_random_uuid(), ${user}, now() + CASE n WHEN 0 THEN interval '1 h' ELSE interval '-1 s' END
    FROM generate_series(0, 1500) n`;
  await sql`
    INSERT INTO refresh_tokens (hash, session_id, expires_at)
    SELECT sha256(id::text::bytea), id, expires_at FROM sessions`;
  // A used token of the living session, expired before it.
  await sql`
    INSERT INTO refresh_tokens (hash, session_id, expires_at, used_at)
    SELECT sha256('used'), id, now() - interval '1 s', now() FROM sessions WHERE expires_at > now()`;

  const counts = async () => {
    const [row] = await sql`
      SELECT (SELECT count(*) FROM requests)::integer AS requests,
        (SELECT count(*) FROM login_failures)::integer AS failures,
        (SELECT count(*) FROM branches)::integer AS branches,
        (SELECT count(*) FROM sessions)::integer AS sessions,
        (SELECT count(*) FROM refresh_tokens)::integer AS tokens`;
    return row;
  };
  expect(await sweep(sql)).toBe(true);
  expect(await counts()).toMatchObject({ requests: 501, branches: 501, failures: 501, sessions: 501 });
  expect(await sweep(sql)).toBe(false);
  expect(await counts()).toEqual({ requests: 1, branches: 1, failures: 1, sessions: 1, tokens: 1 });
});
