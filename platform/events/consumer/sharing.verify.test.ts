import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type TestConsumer, testConsumers } from '../../testing/consumers.ts';
import { memoryPublisher } from '../../testing/memory-source.ts';
import { countEffects, effectsOf, productCopies, productIds, updated } from '../../testing/product-copies.ts';

const { sql, start, fromStart, clear } = await testConsumers();
afterEach(clear);
const patient = { timeout: 20_000, interval: 20 };

/** How many partitions each instance has. */
async function shares(): Promise<Record<string, number>> {
  const rows = await sql<{ owner: string; count: number }[]>`
    select coalesce(owner, 'nobody') as owner, count(*)::integer as count from event_positions group by owner`;
  return Object.fromEntries(rows.map(({ owner, count }) => [owner, count]));
}
const sharesOf = (...expected: [TestConsumer, number][]) =>
  Object.fromEntries(expected.map(([{ instance }, count]) => [instance, count]));

/** Publishes round after round of versions until `done`, and tells which was the last. */
function publishing(product: ReturnType<typeof memoryPublisher>, ids: readonly string[]) {
  let version = 0;
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      version++;
      product.publish(ids.map((id) => updated(id, version)));
      await sleep(5);
    }
  })();
  return {
    async stop(): Promise<Map<string, number[]>> {
      stopped = true;
      await loop;
      return new Map(ids.map((id) => [id, Array.from({ length: version }, (_, i) => i + 1)]));
    },
  };
}

test('instances share the partitions evenly, whoever comes and goes', async () => {
  const product = memoryPublisher('product');
  await fromStart();
  const first = await start({ product: product.source });
  await expect.poll(shares, patient).toEqual(sharesOf([first, 8]));
  const second = await start({ product: product.source });
  await expect.poll(shares, patient).toEqual(sharesOf([first, 4], [second, 4]));
  const third = await start({ product: product.source });
  await expect.poll(async () => Object.values(await shares()).toSorted(), patient).toEqual([2, 3, 3]);
  await first.stop();
  await expect.poll(shares, patient).toEqual(sharesOf([second, 4], [third, 4]));
  await second.kill();
  await expect.poll(shares, patient).toEqual(sharesOf([third, 8]));
});

test('publishers are shared apart: an instance without a subscription leaves them to others', async () => {
  const [product, stock] = [memoryPublisher('product'), memoryPublisher('stock')];
  await fromStart('product');
  await fromStart('stock');
  const both = [productCopies(), { ...productCopies(), publisher: 'stock' }];
  const old = await start({ product: product.source });
  const fresh = await start({ product: product.source, stock: stock.source }, { subscriptions: both });
  await expect.poll(shares, patient).toEqual(sharesOf([old, 4], [fresh, 12]));
  stock.publish([updated(productIds(1)[0] as string, 1)]);
  await expect.poll(() => countEffects(sql), patient).toBe(1);
});

test('three instances are stopped, killed and started again under load, and every effect happens once, in order', async () => {
  const product = memoryPublisher('product', 20);
  const ids = productIds(60);
  await fromStart();
  const run = () => start({ product: product.source });
  const load = publishing(product, ids);
  let [a, b] = [await run(), await run()];
  const c = await run();
  for (let round = 0; round < 3; round++) {
    await sleep(400);
    await a.kill();
    a = await run();
    await sleep(400);
    await b.stop();
    // Under its old name: it takes its partitions back at once.
    b = await start({ product: product.source }, { instance: b.instance });
    await c.relay.cut();
    await c.relay.restore();
  }
  const expected = await load.stop();
  await expect.poll(() => effectsOf(sql), patient).toEqual(expected);
});

test('an instance that stands still with a batch in its hands is overtaken, and changes nothing when it goes on', async () => {
  const product = memoryPublisher('product');
  const ids = productIds(40);
  await fromStart();
  const gate = Promise.withResolvers<void>();
  let held = 0;
  // It stands still before its transaction.
  const prepare = async () => {
    held++;
    await gate.promise;
  };
  const paused = await start({ product: product.source }, { subscriptions: [productCopies({ prepare })] });
  product.publish(ids.map((id) => updated(id, 1)));
  await expect.poll(() => held, patient).toBe(1);
  paused.relay.freeze();
  const other = await start({ product: product.source });
  await expect.poll(() => countEffects(sql), patient).toBe(40);
  product.publish(ids.map((id) => updated(id, 2)));
  await expect.poll(() => countEffects(sql), patient).toBe(80);

  await paused.relay.cut();
  await paused.relay.restore();
  gate.resolve();
  // It takes its share again.
  await expect.poll(shares, patient).toEqual(sharesOf([paused, 4], [other, 4]));
  product.publish(ids.map((id) => updated(id, 3)));
  await expect.poll(() => countEffects(sql), patient).toBe(120);
  expect(await effectsOf(sql)).toEqual(new Map(ids.map((id) => [id, [1, 2, 3]])));
  expect(held).toBeGreaterThan(1);
});

test('one that stands still in the middle of its transaction either commits or is rolled back as a whole', async () => {
  const product = memoryPublisher('product');
  const ids = productIds(40);
  await fromStart();
  const gate = Promise.withResolvers<void>();
  let held = 0;
  const before = async () => {
    held++;
    if (held === 1) await gate.promise;
  };
  const paused = await start({ product: product.source }, { subscriptions: [productCopies({ before })] });
  product.publish(ids.map((id) => updated(id, 1)));
  await expect.poll(() => held, patient).toBe(1);
  // Its rows stay locked until the server ends the transaction, as nothing comes of it.
  paused.relay.freeze();
  const other = await start({ product: product.source });
  await expect.poll(async () => (await shares())[other.instance], patient).toBe(8);
  await expect.poll(() => countEffects(sql), patient).toBe(40);
  await paused.relay.cut();
  await paused.relay.restore();
  gate.resolve();
  product.publish(ids.map((id) => updated(id, 2)));
  await expect.poll(() => effectsOf(sql), patient).toEqual(new Map(ids.map((id) => [id, [1, 2]])));
});
