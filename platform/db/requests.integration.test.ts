import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { testDatabase } from '../testing/database.ts';
import { once, type RequestKey } from './requests.ts';

const { sql } = await testDatabase('platform');
await sql`
  create table requests (
    scope text not null,
    request_id uuid not null,
    fingerprint bytea not null,
    response bytea,
    created_at timestamptz not null default now(),
    primary key (scope, request_id)
  )`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const keyOf = (content = 'a'): RequestKey => ({
  scope: 'Create:u1',
  requestId: randomUUID(),
  fingerprint: bytes(content),
});

/** Runs a request whose effect answers `answer`; says what it got and whether the effect ran. */
async function request(key: RequestKey, answer: string, delayMs = 0) {
  let ran = false;
  const response = await sql.begin((tx) =>
    once(tx, key, async () => {
      ran = true;
      await sleep(delayMs);
      return bytes(answer);
    }),
  );
  return { response: Buffer.from(response).toString(), ran };
}

test('a repeat gets the first response and has no effect', async () => {
  const key = keyOf();
  expect(await request(key, 'first')).toEqual({ response: 'first', ran: true });
  expect(await request(key, 'second')).toEqual({ response: 'first', ran: false });
});

test('an empty response is a response', async () => {
  const key = keyOf();
  await request(key, '');
  expect(await request(key, 'second')).toEqual({ response: '', ran: false });
});

test('the same id with other contents is refused', async () => {
  const key = keyOf();
  await request(key, 'first');
  await expect(request({ ...key, fingerprint: bytes('b') }, 'x')).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'REQUEST_ID_REUSED',
  });
});

test('the same id in another scope is another request', async () => {
  const key = keyOf();
  await request(key, 'first');
  expect(await request({ ...key, scope: 'Create:u2' }, 'second')).toEqual({ response: 'second', ran: true });
});

test('repeats that run together have one effect', async () => {
  const key = keyOf();
  const results = await Promise.all(Array.from({ length: 6 }, (_, index) => request(key, `r${index}`, 50)));
  expect(results.filter(({ ran }) => ran)).toHaveLength(1);
  expect(new Set(results.map(({ response }) => response)).size).toBe(1);
});

test('a failed effect leaves nothing, and a repeat that waited for it runs', async () => {
  const key = keyOf();
  const failing = sql.begin((tx) =>
    once(tx, key, async () => {
      await sleep(100);
      throw new Error('effect failed');
    }),
  );
  await sleep(30);
  const waiting = request(key, 'second');
  await expect(failing).rejects.toThrow('effect failed');
  expect(await waiting).toEqual({ response: 'second', ran: true });
});
