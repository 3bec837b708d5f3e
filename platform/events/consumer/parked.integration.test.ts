import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMessage } from '@bufbuild/protobuf';
import { ProductUpdatedSchema } from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { afterEach, expect, test } from 'vitest';
import { fail } from '../../errors.ts';
import { uuidv7 } from '../../id.ts';
import { type TestConsumer, testConsumers } from '../../testing/consumers.ts';
import { memoryPublisher } from '../../testing/memory-source.ts';
import {
  countEffects,
  effectsOf,
  type ProductEvent,
  productCopies,
  productIds,
  updated,
} from '../../testing/product-copies.ts';

const { sql, start, fromStart, clear } = await testConsumers();
afterEach(clear);
const patient = { timeout: 15_000, interval: 20 };

/** Throws for events that a test calls poisoned, by subject and version. */
function poison() {
  const poisoned = new Set<string>();
  const before = (events: readonly ProductEvent[]) => {
    for (const { subject, message } of events) {
      if (poisoned.has(`${subject} ${message.version}`)) {
        throw fail('FAILED_PRECONDITION', 'POISONED', 'no secrets in last_error: hunter2');
      }
    }
  };
  return {
    poisoned,
    before,
    start: (source: Parameters<typeof start>[0]) =>
      start(source, { subscriptions: [productCopies({ before })] }),
  };
}
const states = async ({ parked }: TestConsumer) =>
  (await parked.list(100)).map(({ state, attempts, lastError, event }) => [
    event.position,
    state,
    attempts,
    lastError,
  ]);
/** Makes what is RETRYING due now. */
const due = () => sql`update parked_events set next_attempt_at = now() where state = 'RETRYING'`;

test('a poisoned event is parked with those behind it, others go on; when it is cured all take effect in order', async () => {
  const product = memoryPublisher('product');
  const { poisoned, start: startPoisoned } = poison();
  const [bad, ...good] = productIds(30, 3) as [string, ...string[]];
  await fromStart();
  const consumer = await startPoisoned({ product: product.source });
  poisoned.add(`${bad} 2`);
  const all = [bad, ...good];
  product.publish([1, 2, 3].flatMap((version) => all.map((id) => updated(id, version))));
  await expect.poll(() => countEffects(sql), patient).toBe(good.length * 3 + 1);
  const effects = await effectsOf(sql);
  expect(effects.get(bad)).toEqual([1]);
  for (const id of good) expect(effects.get(id)).toEqual([1, 2, 3]);

  product.publish(all.map((id) => updated(id, 4)));
  await expect.poll(() => countEffects(sql), patient).toBe(good.length * 4 + 1);
  const reason = 'FAILED_PRECONDITION POISONED';
  expect(await states(consumer)).toEqual([
    [31n, 'RETRYING', expect.any(Number), reason],
    [61n, 'WAITING', 0, ''],
    [91n, 'WAITING', 0, ''],
  ]);
  expect(JSON.stringify(await consumer.parked.list(10), (_, value) => String(value))).not.toContain(
    'hunter2',
  );
  expect(await consumer.metrics()).toMatch(
    /souk_event_parked\{messaging_destination_name="product",souk_event_state="WAITING"} 2/,
  );

  poisoned.clear();
  expect(await consumer.parked.replay()).toBe(1);
  await expect.poll(() => states(consumer), patient).toEqual([]);
  expect((await effectsOf(sql)).get(bad)).toEqual([1, 2, 3, 4]);
  product.publish([updated(bad, 5)]);
  await expect.poll(async () => (await effectsOf(sql)).get(bad), patient).toEqual([1, 2, 3, 4, 5]);
});

test('a batch of poisoned events only is parked as a whole', async () => {
  const product = memoryPublisher('product');
  const { poisoned, start: startPoisoned } = poison();
  const ids = productIds(60);
  for (const id of ids) poisoned.add(`${id} 1`);
  await fromStart();
  const consumer = await startPoisoned({ product: product.source });
  product.publish(ids.map((id) => updated(id, 1)));
  await expect.poll(async () => (await states(consumer)).length, patient).toBe(60);
  poisoned.clear();
  await consumer.parked.replay();
  await expect.poll(() => countEffects(sql), patient).toBe(60);
});

test('it is tried again by itself, ten times, and then left to an operator', async () => {
  const product = memoryPublisher('product');
  const { poisoned, start: startPoisoned } = poison();
  const [id] = productIds(1) as [string];
  poisoned.add(`${id} 1`);
  await fromStart();
  const consumer = await startPoisoned({ product: product.source });
  product.publish([updated(id, 1), updated(id, 2)]);
  const first = async () => (await states(consumer))[0]?.slice(1, 3);
  await expect.poll(first, patient).toEqual(['RETRYING', 1]);
  await due();
  await expect.poll(first, patient).toEqual(['RETRYING', 2]);
  await sql`update parked_events set attempts = 9, next_attempt_at = now() where state = 'RETRYING'`;
  await expect.poll(first, patient).toEqual(['PARKED', 10]);
  const [parked, waiting] = await consumer.parked.list(10);
  expect(parked?.nextAttemptAt).toBeNull();
  await expect(consumer.parked.replay(uuidv7())).rejects.toMatchObject({ reason: 'PARKED_EVENT_NOT_FOUND' });

  // Of one that waits, the first of its subject is tried.
  poisoned.clear();
  expect(await consumer.parked.replay(waiting?.event.id)).toBe(1);
  await expect.poll(() => states(consumer), patient).toEqual([]);
  expect((await effectsOf(sql)).get(id)).toEqual([1, 2]);
});

test('what is discarded never takes effect, and what waits behind it goes on', async () => {
  const product = memoryPublisher('product');
  const { poisoned, start: startPoisoned } = poison();
  const [id] = productIds(1) as [string];
  poisoned.add(`${id} 1`);
  await fromStart();
  const consumer = await startPoisoned({ product: product.source });
  const [one, two] = product.publish([1, 2, 3, 4].map((version) => updated(id, version)));
  await expect.poll(async () => (await states(consumer)).length, patient).toBe(4);
  await consumer.parked.discard(two?.id ?? '');
  expect(await states(consumer)).toHaveLength(3);
  await consumer.parked.discard(one?.id ?? '');
  await expect.poll(() => states(consumer), patient).toEqual([]);
  expect((await effectsOf(sql)).get(id)).toEqual([3, 4]);
  await expect(consumer.parked.discard(one?.id ?? '')).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  await expect(consumer.parked.get(one?.id ?? '')).rejects.toMatchObject({ kind: 'NOT_FOUND' });
});

test('an event of a later version is kept, and those behind it; a release that knows it takes them', async () => {
  const product = memoryPublisher('product');
  const [id, other] = productIds(2) as [string, string];
  await fromStart();
  const old = await start({ product: product.source });
  product.publish([updated(id, 1)]);
  product.append({ ...updated(id, 2), type: 'shop.product.v2.ProductUpdated' });
  product.append({ ...updated(other, 1), type: 'shop.product.v1.SomethingNew' });
  product.publish([updated(id, 3), updated(other, 1)]);
  await expect
    .poll(() => states(old), patient)
    .toEqual([
      [2n, 'PARKED', 0, 'UNKNOWN_VERSION'],
      [4n, 'WAITING', 0, ''],
    ]);
  await expect
    .poll(() => effectsOf(sql), patient)
    .toEqual(
      new Map([
        [id, [1]],
        [other, [1]],
      ]),
    );
  // It doesn't help that it is tried here.
  expect(await old.parked.replay()).toBe(1);
  await expect
    .poll(async () => (await states(old))[0], patient)
    .toEqual([2n, 'PARKED', 1, 'UNKNOWN_VERSION']);

  // The new release runs beside the old one.
  const v1 = productCopies();
  const v2: DescMessage = { ...ProductUpdatedSchema, typeName: 'shop.product.v2.ProductUpdated' };
  await start({ product: product.source }, { subscriptions: [{ ...v1, schemas: [...v1.schemas, v2] }] });
  await expect.poll(() => states(old), patient).toEqual([]);
  expect((await effectsOf(sql)).get(id)).toEqual([1, 2, 3]);
});

test('data that can not be decoded is parked', async () => {
  const product = memoryPublisher('product');
  const [id, other] = productIds(2) as [string, string];
  await fromStart();
  const consumer = await start({ product: product.source });
  product.append({ ...updated(id, 1), data: Buffer.from([0x0a, 200]) });
  product.publish([updated(id, 2), updated(other, 1)]);
  await expect.poll(() => countEffects(sql), patient).toBe(1);
  expect((await states(consumer)).map(([, state, , error]) => [state, error])).toEqual([
    ['RETRYING', 'INTERNAL EVENT_UNDECODABLE'],
    ['WAITING', ''],
  ]);
});

test('new events never overtake those that are just being tried again', async () => {
  const product = memoryPublisher('product', 7);
  const { poisoned, before } = poison();
  const ids = productIds(6);
  await fromStart();
  // Two instances retry, and while they do more is published. The pauses let the transactions overlap in all ways.
  const slow = {
    before: async (events: readonly ProductEvent[]) => {
      before(events);
      await sleep(Math.random() * 6);
    },
  };
  const consumers = [
    await start({ product: product.source }, { subscriptions: [productCopies(slow)] }),
    await start({ product: product.source }, { subscriptions: [productCopies(slow)] }),
  ];
  const rounds = 60;
  for (let round = 1; round <= rounds; round++) {
    const version = round * 2 - 1;
    if (round % 4 === 1) for (const id of ids) poisoned.add(`${id} ${version}`);
    product.publish(ids.map((id) => updated(id, version)));
    await sleep(Math.random() * 30);
    poisoned.clear();
    await due();
    await consumers[round % 2]?.parked.replay();
    product.publish(ids.map((id) => updated(id, version + 1)));
  }
  await expect.poll(() => countEffects(sql), { timeout: 25_000 }).toBe(ids.length * rounds * 2);
  const inOrder = Array.from({ length: rounds * 2 }, (_, i) => i + 1);
  expect(await effectsOf(sql)).toEqual(new Map(ids.map((id) => [id, inOrder])));
  expect(await states(consumers[0] as TestConsumer)).toEqual([]);
});
