import { create, toBinary } from '@bufbuild/protobuf';
import {
  GetProductRequestSchema,
  ProductService,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { connect, type Sql } from '../db/database.ts';
import { uuidv7 } from '../id.ts';
import { createLogger } from '../telemetry/log.ts';
import { testDatabase } from '../testing/database.ts';
import { implementPartly } from '../testing/implement.ts';
import { createRelay } from '../testing/relay.ts';
import { testServer } from '../testing/server.ts';

const { url } = await testDatabase('platform');
const GET = '/shop.product.v1.ProductService/GetProduct';
const request = toBinary(GetProductRequestSchema, create(GetProductRequestSchema, { productId: uuidv7() }));

/** A server whose GetProduct runs `query` on a database behind a relay. */
async function serverWith(query: (sql: Sql, id: string) => Promise<unknown>) {
  const relay = await createRelay(url);
  const database = connect(
    { DATABASE_URL: relay.url, DATABASE_POOL_SIZE: 4, INSTANCE: 'rpc-test' },
    createLogger({ service: 's', instance: 'i', level: 'silent' }),
  );
  onTestFinished(() => database.close());
  const server = await testServer({
    implementations: [
      implementPartly(ProductService, {
        getProduct: async ({ productId }) => {
          await query(database.sql, productId);
          return {};
        },
      }),
    ],
    health: () => database.ping(),
  });
  return { ...server, relay };
}

test('a closed database is UNAVAILABLE at once with a retry delay, and heals by itself', async () => {
  const { call, relay } = await serverWith((sql) => sql`select 1`);
  expect((await call(GET, request)).code).toBe('OK');
  await relay.cut();
  const began = performance.now();
  const results = await Promise.all(Array.from({ length: 50 }, () => call(GET, request)));
  expect(performance.now() - began).toBeLessThan(1_000);
  for (const { code, details } of results) {
    expect(code).toBe('UNAVAILABLE');
    expect(details).toMatchObject({ reason: 'DATABASE_UNAVAILABLE', retryAfterMs: 1000 });
  }
  expect(JSON.stringify(results)).not.toMatch(/127\.0\.0\.1|ECONN|select/);
  await relay.restore();
  expect((await call(GET, request)).code).toBe('OK');
});

test('a failing statement leaks neither SQL nor data, to the caller or to the log', async () => {
  const { call, lines } = await serverWith((sql) => sql`select ${'hunter2'}::int as secret_column`);
  const result = await call(GET, request);
  expect(result.code).toBe('INTERNAL');
  expect(JSON.stringify([result.message, result.details])).not.toMatch(/hunter2|secret_column|syntax/);
  expect(JSON.stringify(lines)).not.toMatch(/hunter2|secret_column/);
  expect(lines.find((line) => line.msg === 'call')).toMatchObject({ level: 'error', err: { code: '22P02' } });
});

test('a statement timeout is DEADLINE_EXCEEDED', async () => {
  const { call } = await serverWith((sql) =>
    sql.begin(async (tx) => {
      await tx`set local statement_timeout = 20`;
      await tx`select pg_sleep(1)`;
    }),
  );
  expect(await call(GET, request)).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    details: { reason: 'DATABASE_TIMEOUT' },
  });
});

test('a serialization failure is ABORTED with a retry delay', async () => {
  const { call } = await serverWith((sql) => sql`do $$ begin raise sqlstate '40001'; end $$`);
  expect(await call(GET, request)).toMatchObject({
    code: 'ABORTED',
    details: { reason: 'CONCURRENT_CHANGE', retryAfterMs: 50 },
  });
});

test('a backend that an administrator ends is UNAVAILABLE', async () => {
  const { call } = await serverWith((sql) => sql`select pg_terminate_backend(pg_backend_pid())`);
  expect(await call(GET, request)).toMatchObject({
    code: 'UNAVAILABLE',
    details: { reason: 'DATABASE_UNAVAILABLE' },
  });
});
