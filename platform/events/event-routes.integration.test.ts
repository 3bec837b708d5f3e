import { ParkedEventState } from '@souk/contracts/shop/event/v1/operations_pb.js';
import { expect, test } from 'vitest';
import { fail } from '../errors.ts';
import { uuidv7 } from '../id.ts';
import { testEventServices } from '../testing/event-service.ts';
import { memoryPublisher } from '../testing/memory-source.ts';
import { countEffects, productCopies, productIds, updated } from '../testing/product-copies.ts';

const { sql, start } = await testEventServices();
const patient = { timeout: 15_000, interval: 20 };

/** A service that subscribes to another one's events, and can take none of them for as long as it is `broken`. */
async function subscriber(events: number) {
  const warehouse = memoryPublisher('warehouse');
  const state = { broken: true };
  const before = () => {
    if (state.broken) throw fail('FAILED_PRECONDITION', 'BROKEN', 'x');
  };
  const service = await start({
    subscriptions: [{ ...productCopies({ before }), publisher: 'warehouse' }],
    sources: { warehouse: warehouse.source },
  });
  const follows = async () =>
    (
      await sql<{ count: number }[]>`
      select count(position)::integer as count from event_positions where publisher = 'warehouse'`
    )[0]?.count;
  await expect.poll(follows, patient).toBe(8);
  warehouse.publish(productIds(events).map((id) => updated(id, 1)));
  const client = service.client('admin');
  const parked = async () => (await client.listParkedEvents({ pageSize: 200 })).parkedEvents;
  await expect.poll(async () => (await parked()).length, patient).toBe(events);
  return { warehouse, state, client, parked };
}

test('parked events are listed by pages, read, replayed and discarded', async () => {
  const { warehouse, state, client, parked } = await subscriber(23);
  const [first] = await parked();
  expect(first).toMatchObject({
    event: { source: 'warehouse', type: 'shop.product.v1.ProductUpdated', position: 1n },
    state: ParkedEventState.RETRYING,
    lastError: 'FAILED_PRECONDITION BROKEN',
  });
  expect(first?.attempts).toBeGreaterThan(0);
  expect(first?.nextAttemptTime).toBeDefined();

  const positions: bigint[] = [];
  let pageToken = '';
  do {
    const page = await client.listParkedEvents({ pageSize: 10, pageToken });
    positions.push(...page.parkedEvents.map(({ event }) => event?.position ?? 0n));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(positions).toEqual(warehouse.log.map(({ position }) => position));
  await expect(client.listParkedEvents({ pageToken: 'x' })).rejects.toMatchObject({
    reason: 'PAGE_TOKEN_INVALID',
  });

  const [one, two] = warehouse.log.map(({ id }) => id) as [string, string];
  expect((await client.getParkedEvent({ eventId: one })).parkedEvent?.event?.id).toBe(one);
  await client.discardParkedEvent({ eventId: one });
  const gone = { kind: 'NOT_FOUND', reason: 'PARKED_EVENT_NOT_FOUND' };
  await expect(client.getParkedEvent({ eventId: one })).rejects.toMatchObject(gone);
  await expect(client.discardParkedEvent({ eventId: one })).rejects.toMatchObject(gone);
  await expect(client.replayParkedEvents({ eventId: uuidv7() })).rejects.toMatchObject(gone);
  await expect(client.getParkedEvent({ eventId: 'x' })).rejects.toMatchObject({ kind: 'INVALID_ARGUMENT' });

  state.broken = false;
  expect((await client.replayParkedEvents({ eventId: two })).replayed).toBe(1);
  await client.replayParkedEvents({});
  await expect.poll(() => countEffects(sql), patient).toBe(22);
  expect(await parked()).toEqual([]);
  expect((await client.replayParkedEvents({})).replayed).toBe(0);
});

test('copies are rebuilt on demand, and then nothing of before is parked', async () => {
  const { warehouse, state, client, parked } = await subscriber(3);
  state.broken = false;
  const [id] = productIds(1) as [string];
  warehouse.state.push(updated(id, 9, 'kept'));
  expect((await client.rebuildCopies({ publisher: 'warehouse' })).partitions).toBe(8);
  await expect
    .poll(() => sql`select product_id as id, name from copies`, patient)
    .toEqual([{ id, name: 'kept' }]);
  await expect.poll(parked, patient).toEqual([]);
  expect((await client.rebuildCopies({})).partitions).toBe(8);
  await expect(client.rebuildCopies({ publisher: 'nobody' })).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'PUBLISHER_NOT_FOUND',
  });
});

test('readers are listed with how far behind they are, and can be removed', async () => {
  const service = await start();
  const admin = service.client('admin');
  await service.publish(productIds(12).map((id) => updated(id, 1)));
  const scope = new AbortController();
  const source = service.source('order');
  const positions = new Map(Array.from({ length: 8 }, (_, partition) => [partition, 0n]));
  let read = 0;
  for await (const batch of source.follow(positions, scope.signal)) {
    for (const { position } of batch) {
      read++;
      for (const partition of positions.keys()) positions.set(partition, position);
    }
    if (read === 12) scope.abort();
  }
  const lag = async () => {
    const { consumers } = await admin.listEventConsumers({});
    return consumers.map(({ name, lagEvents }) => [name, lagEvents]);
  };
  expect(await lag()).toEqual([['order', 12n]]);
  await source.acknowledge(positions);
  expect(await lag()).toEqual([['order', 0n]]);
  await admin.removeEventConsumer({ name: 'order' });
  expect(await lag()).toEqual([]);
  await expect(admin.removeEventConsumer({ name: 'order' })).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'EVENT_CONSUMER_NOT_FOUND',
  });
});

test('a feed is for the services that it names, and asks for sound positions', async () => {
  const service = await start();
  const [admin, order] = [service.client('admin'), service.client('order')];
  const partitions = [{ partition: 0, position: 0n }];
  const denied = { cause: { message: expect.stringContaining('CALLER_NOT_ALLOWED') } };
  await expect(admin.acknowledgeEvents({ partitions })).rejects.toMatchObject(denied);
  await expect(admin.followEvents({ partitions })[Symbol.asyncIterator]().next()).rejects.toMatchObject(
    denied,
  );
  await expect(order.listParkedEvents({})).rejects.toMatchObject({
    cause: { message: expect.stringContaining('ADMIN_REQUIRED') },
  });
  for (const bad of [
    [],
    [...partitions, ...partitions],
    [{ partition: 8, position: 0n }],
    [{ partition: 0, position: -1n }],
  ]) {
    const following = order.followEvents({ partitions: bad })[Symbol.asyncIterator]().next();
    await expect(following).rejects.toMatchObject({ kind: 'INVALID_ARGUMENT' });
  }
});
