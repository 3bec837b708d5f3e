import { afterEach, expect, test } from 'vitest';
import { fail } from '../../errors.ts';
import { testConsumers } from '../../testing/consumers.ts';
import { memoryPublisher } from '../../testing/memory-source.ts';
import { countEffects, productCopies, productIds, updated } from '../../testing/product-copies.ts';

const { sql, start, fromStart, clear } = await testConsumers();
afterEach(clear);
const patient = { timeout: 20_000, interval: 20 };
const ids = productIds(400);
const copies = async () =>
  new Map(
    (await sql<{ id: string; name: string }[]>`select product_id as id, name from copies`).map(
      ({ id, name }) => [id, name],
    ),
  );
const named = (products: readonly string[], name: string) => new Map(products.map((id) => [id, name]));
const standing = async () =>
  (await sql<{ position: bigint | null }[]>`select position from event_positions`).map((row) => row.position);

test('at first there is a snapshot, and then what comes after it', async () => {
  const product = memoryPublisher('product', 10);
  product.publish(ids.map((id) => updated(id, 1, 'old')));
  product.state.push(...ids.slice(0, 300).map((id) => updated(id, 2, 'snapshot')));
  await start({ product: product.source });
  await expect.poll(copies, patient).toEqual(named(ids.slice(0, 300), 'snapshot'));
  expect(await standing()).toEqual(Array(8).fill(400n));
  product.publish([updated(ids[0] as string, 3, 'new')]);
  await expect.poll(() => countEffects(sql), patient).toBe(1);
  expect((await copies()).get(ids[0] as string)).toBe('new');
});

test('copies are rebuilt at once for all readers: old or new, by partition; what was removed is gone', async () => {
  const product = memoryPublisher('product', 10);
  await fromStart();
  const consumer = await start({ product: product.source });
  product.publish(ids.map((id) => updated(id, 1, 'old')));
  await expect.poll(() => countEffects(sql), patient).toBe(400);
  product.state.push(...ids.slice(100).map((id) => updated(id, 2, 'new')));
  expect(await consumer.rebuild('product')).toBe(8);
  const whole = new Set([named(ids, 'old').size, 300]);
  let last = 0;
  await expect
    .poll(
      async () => {
        const rows = await sql<{ old: number; new: number }[]>`
        select (count(*) filter (where name = 'old'))::integer as old, (count(*) filter (where name = 'new'))::integer as new
        from copies group by get_byte(uuid_send(product_id), 15) % 8`;
        // Never a mixture, nor nothing.
        for (const row of rows) expect(row.old === 0 || row.new === 0).toBe(true);
        expect(rows).toHaveLength(8);
        last = rows.reduce((sum, row) => sum + row.new, 0);
        return last;
      },
      { ...patient, interval: 1 },
    )
    .toBe(300);
  expect(whole.has(last)).toBe(true);
  expect(await copies()).toEqual(named(ids.slice(100), 'new'));
  await expect(consumer.rebuild('nobody')).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'PUBLISHER_NOT_FOUND',
  });
  expect(await consumer.rebuild()).toBe(8);
});

test('a rebuild that breaks, or whose instance dies in the middle, leaves the old copies, and is done again', async () => {
  const product = memoryPublisher('product', 5);
  await fromStart();
  const first = await start({ product: product.source });
  product.publish(ids.map((id) => updated(id, 1, 'old')));
  await expect.poll(() => countEffects(sql), patient).toBe(400);
  product.state.push(...ids.map((id) => updated(id, 2, 'new')));
  product.faults.snapshotPages = 3;
  await first.rebuild();
  await expect.poll(() => product.counts.snapshot, patient).toBeGreaterThan(2);
  expect(await copies()).toEqual(named(ids, 'old'));
  await first.stop();

  product.faults.snapshotPages = Number.POSITIVE_INFINITY;
  let pages = 0;
  const dying = productCopies({
    before: async () => {
      pages++;
      if (pages === 4) void second.kill();
    },
  });
  const second = await start({ product: product.source }, { subscriptions: [dying] });
  await expect.poll(() => pages, patient).toBeGreaterThan(3);
  await second.kill();
  expect(await standing()).toContain(null);
  expect(await copies()).toEqual(named(ids, 'old'));
  await start({ product: product.source });
  await expect.poll(copies, patient).toEqual(named(ids, 'new'));
});

test('when events were removed from the log the copies are rebuilt, and parked events of before are gone', async () => {
  const product = memoryPublisher('product');
  const [bad] = ids as [string];
  const before = (events: readonly { subject: string; position: bigint }[]) => {
    if (events.some(({ subject, position }) => subject === bad && position > 0n))
      throw fail('NOT_FOUND', 'BAD', 'bad');
  };
  await fromStart();
  const first = await start({ product: product.source }, { subscriptions: [productCopies({ before })] });
  product.publish(ids.map((id) => updated(id, 1, 'old')));
  await expect.poll(() => countEffects(sql), patient).toBe(399);
  await first.stop();
  product.publish(ids.map((id) => updated(id, 2, 'missed')));
  product.state.push(...ids.map((id) => updated(id, 3, 'new')));
  product.faults.removed = 700n;
  const second = await start({ product: product.source });
  await expect.poll(copies, patient).toEqual(named(ids, 'new'));
  expect(await second.parked.list(1)).toEqual([]);
  expect(second.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  product.publish([updated(bad, 4, 'after')]);
  await expect.poll(async () => (await copies()).get(bad), patient).toBe('after');
});

test('what a subscription can not take of a snapshot fails the rebuild, not the others', async () => {
  const product = memoryPublisher('product');
  product.state.push(...ids.map((id) => updated(id, 1, 'new')));
  const [bad] = productIds(1, 5) as [string];
  product.state.push({ ...updated(bad, 1), type: 'shop.product.v9.ProductUpdated' });
  const consumer = await start({ product: product.source });
  await expect
    .poll(async () => (await standing()).filter((position) => position === null).length, patient)
    .toBe(1);
  await expect.poll(() => product.counts.snapshot, patient).toBeGreaterThan(9);
  expect(consumer.lines.filter(({ level }) => level === 'error')).toMatchObject([
    { msg: 'copies could not be rebuilt', partition: 5, err: { reason: 'UNKNOWN_VERSION' } },
  ]);
  product.publish([updated(productIds(1, 3)[0] as string, 1)]);
  await expect.poll(() => countEffects(sql), patient).toBe(1);
});
