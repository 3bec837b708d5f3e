import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { fail } from '../../errors.ts';
import { testConsumers } from '../../testing/consumers.ts';
import { memoryPublisher } from '../../testing/memory-source.ts';
import { countEffects, effectsOf, productCopies, productIds, updated } from '../../testing/product-copies.ts';

const { sql, start, fromStart, clear } = await testConsumers();
afterEach(clear);
const patient = { timeout: 15_000, interval: 20 };
const ids = productIds(20);
const round = (version: number) => ids.map((id) => updated(id, version));
const versions = (last: number) =>
  new Map(ids.map((id) => [id, Array.from({ length: last }, (_, i) => i + 1)]));
const countParked = async () =>
  (await sql<{ count: number }[]>`select count(*)::integer as count from parked_events`)[0]?.count;

test('while the database is away events wait, and nothing is parked', async () => {
  const product = memoryPublisher('product', 10);
  await fromStart();
  const consumer = await start({ product: product.source });
  product.publish(round(1));
  await expect.poll(() => countEffects(sql), patient).toBe(20);
  for (let version = 2; version <= 5; version++) {
    product.publish(round(version));
    await consumer.relay.cut();
    await expect.poll(() => consumer.lines.at(-1)?.msg, patient).toBeDefined();
    await consumer.relay.restore();
  }
  await expect.poll(() => effectsOf(sql), patient).toEqual(versions(5));
  expect(await countParked()).toBe(0);
});

test('a transaction that is lost at any of its statements takes effect once', async () => {
  const product = memoryPublisher('product', 10);
  let handled = 0;
  const before = async () => {
    handled++;
    // Every other transaction loses its connection.
    if (handled % 2 === 0) {
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where state = 'idle in transaction' and datname = current_database() and pid <> pg_backend_pid()`;
    }
  };
  await fromStart();
  await start({ product: product.source }, { subscriptions: [productCopies({ before })] });
  for (let version = 1; version <= 10; version++) {
    product.publish(round(version));
    await expect.poll(() => countEffects(sql), patient).toBe(version * 20);
  }
  expect(await effectsOf(sql)).toEqual(versions(10));
  expect(await countParked()).toBe(0);
});

test('a lookup whose service is away is repeated, however often; so are deadlocks', async () => {
  const product = memoryPublisher('product');
  let lookups = 0;
  let deadlocks = 0;
  const prepare = async () => {
    lookups++;
    if (lookups < 3) throw fail('UNAVAILABLE', 'UPSTREAM_UNAVAILABLE', 'away');
    if (lookups < 4) throw fail('DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', 'late');
  };
  const before = () => {
    deadlocks++;
    if (deadlocks < 2) throw Object.assign(new pg.DatabaseError('deadlock', 1, 'error'), { code: '40P01' });
  };
  await fromStart();
  const consumer = await start(
    { product: product.source },
    { subscriptions: [productCopies({ prepare, before })] },
  );
  // Alone, it would be parked at once.
  product.publish([updated(ids[0] as string, 1)]);
  await expect.poll(() => countEffects(sql), patient).toBe(1);
  expect([lookups, deadlocks]).toEqual([5, 2]);
  expect(await countParked()).toBe(0);
  // One line for the outage, and one when it is over.
  const lines = consumer.lines.filter(({ level }) => level === 'warn' || level === 'info');
  expect(lines.map(({ msg }) => msg)).toEqual([
    'events wait: what they need is away',
    'events take effect again',
  ]);
});

test("a parked event's lookup that fails so is no attempt", async () => {
  const product = memoryPublisher('product');
  let failure: Error | undefined = fail('NOT_FOUND', 'NO_SUCH_THING', 'gone');
  const prepare = async () => {
    if (failure) throw failure;
  };
  await fromStart();
  const consumer = await start({ product: product.source }, { subscriptions: [productCopies({ prepare })] });
  product.publish([updated(ids[0] as string, 1)]);
  await expect.poll(countParked, patient).toBe(1);
  failure = fail('UNAVAILABLE', 'UPSTREAM_UNAVAILABLE', 'away');
  await consumer.parked.replay();
  const parked = async () => (await consumer.parked.list(1))[0];
  await expect
    .poll(async () => (await parked())?.nextAttemptAt?.getTime(), patient)
    .toBeGreaterThan(Date.now() + 1_000);
  expect(await parked()).toMatchObject({ state: 'RETRYING', attempts: 0 });
  failure = undefined;
  await consumer.parked.replay();
  await expect.poll(countParked, patient).toBe(0);
  expect(await countEffects(sql)).toBe(1);
});

test('a publisher that is away is followed again, with one line for the outage', async () => {
  const product = memoryPublisher('product');
  await fromStart();
  const consumer = await start({ product: product.source });
  product.publish(round(1));
  await expect.poll(() => countEffects(sql), patient).toBe(20);
  product.faults.away = true;
  product.publish(round(2));
  await expect.poll(() => product.counts.follow, patient).toBeGreaterThan(3);
  product.faults.away = false;
  await expect.poll(() => effectsOf(sql), patient).toEqual(versions(2));
  const lines = consumer.lines.filter(({ level }) => level === 'warn' || level === 'info');
  expect(lines.map(({ msg }) => msg)).toEqual([
    'following events is interrupted',
    'events are followed again',
  ]);
});
