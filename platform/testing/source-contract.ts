import { fromBinary } from '@bufbuild/protobuf';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { ProductUpdatedSchema } from '@souk/contracts/shop/product/v1/product_events_pb.js';
import { expect, onTestFinished, test } from 'vitest';
import { type NewEvent, PARTITIONS, partitionOf } from '../events/event.ts';
import type { EventSource, Positions } from '../events/source.ts';
import { productIds, updated } from './product-copies.ts';

/** A publisher named `product` whose events are read by way of a transport. */
export interface ContractPublisher {
  /** The publisher as a service reads it: `order` or `user`. */
  source(consumer: string): EventSource;
  /** Commits events, in a transaction with the state that a snapshot shows: the last event of each subject. */
  publish(events: readonly NewEvent[]): Promise<void>;
  /** Removes all events from the log that every reader has acknowledged. */
  removeOld(): Promise<void>;
}

const patient = { timeout: 15_000, interval: 10 };
const everything: Positions = new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, 0n]));
const versions = (ids: readonly string[], first: number, last: number): NewEvent[] =>
  Array.from({ length: last - first + 1 }, (_, i) => ids.map((id) => updated(id, first + i))).flat();

/** Follows in the background, for the test that runs; `events` grows. */
function follow(source: EventSource, positions: Positions) {
  const scope = new AbortController();
  const events: Event[] = [];
  const state: { error?: unknown; largest: number } = { largest: 0 };
  const ended = (async () => {
    try {
      for await (const batch of source.follow(positions, scope.signal)) {
        state.largest = Math.max(state.largest, batch.length);
        events.push(...batch);
      }
    } catch (error) {
      state.error = error;
    }
  })();
  const stop = async (): Promise<void> => {
    scope.abort();
    await ended;
  };
  onTestFinished(stop);
  return { events, state, ended, stop };
}

const nameOf = (data: Uint8Array): string => fromBinary(ProductUpdatedSchema, data).name;

/** The names of each subject's events, `v1` and so on, in the order in which they came; doubles left out. */
function namesOf(events: readonly Event[]): Map<string, string[]> {
  const last = new Map<number, bigint>();
  const names = new Map<string, string[]>();
  for (const { subject, position, data } of events) {
    const partition = partitionOf(subject);
    if (position <= (last.get(partition) ?? 0n)) continue;
    last.set(partition, position);
    names.set(subject, [...(names.get(subject) ?? []), nameOf(data)]);
  }
  return names;
}

const expected = (ids: readonly string[], first: number, last: number) =>
  new Map(ids.map((id) => [id, Array.from({ length: last - first + 1 }, (_, i) => `v${first + i}`)]));

/** Where to go on after these events. */
const after = (events: readonly Event[], from: Positions = everything): Map<number, bigint> => {
  const positions = new Map(from);
  for (const { subject, position } of events) positions.set(partitionOf(subject), position);
  return positions;
};

/**
 * What holds for each transport. Declares the tests; `make` gives a publisher without events, for one test, and ends it
 * when the test has finished.
 */
export function testSourceContract(make: () => Promise<ContractPublisher>): void {
  test('an event comes as it was published', async () => {
    const publisher = await make();
    const [id] = productIds(1) as [string];
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const event = { ...updated(id, 1), traceparent };
    await publisher.publish([event]);
    const { events } = follow(publisher.source('order'), everything);
    await expect.poll(() => events.length, patient).toBe(1);
    const [came] = events as [Event];
    expect(came).toMatchObject({
      id: event.id,
      source: 'product',
      type: event.type,
      subject: id,
      traceparent,
    });
    expect(Buffer.from(came.data).equals(event.data)).toBe(true);
    expect(came.position).toBeGreaterThan(0n);
    expect(Math.abs(Number(came.time?.seconds) - Date.now() / 1_000)).toBeLessThan(60);
  });

  test('what is in the log comes, and then what happens, each subject in its order', async () => {
    const publisher = await make();
    const ids = productIds(50);
    await publisher.publish(versions(ids, 1, 40));
    const { events, state } = follow(publisher.source('order'), everything);
    await expect.poll(() => namesOf(events), patient).toEqual(expected(ids, 1, 40));
    for (let version = 41; version <= 60; version++) await publisher.publish(versions(ids, version, version));
    await expect.poll(() => namesOf(events), patient).toEqual(expected(ids, 1, 60));
    expect(state.largest).toBeLessThanOrEqual(500);
  });

  test('it goes on after the given positions, in the given partitions', async () => {
    const publisher = await make();
    const ids = productIds(64);
    await publisher.publish(versions(ids, 1, 5));
    const whole = follow(publisher.source('order'), everything);
    await expect.poll(() => namesOf(whole.events), patient).toEqual(expected(ids, 1, 5));
    const half = whole.events.slice(0, 160);
    const rest = follow(publisher.source('user'), after(half));
    await expect.poll(() => namesOf([...half, ...rest.events]), patient).toEqual(expected(ids, 1, 5));

    const some = ids.filter((id) => partitionOf(id) < 3);
    const part = follow(
      publisher.source('order'),
      new Map([...everything].filter(([partition]) => partition < 3)),
    );
    await publisher.publish(versions(ids, 6, 6));
    await expect.poll(() => namesOf(part.events), patient).toEqual(expected(some, 1, 6));
    await expect.poll(() => namesOf(whole.events), patient).toEqual(expected(ids, 1, 6));
  });

  test('of many writers at once nothing is missed, and what is read while they write goes on gapless', async () => {
    const publisher = await make();
    const ids = productIds(12);
    const source = publisher.source('order');
    const writers = ids.map(async (id) => {
      for (let version = 1; version <= 20; version++) await publisher.publish([updated(id, version)]);
    });
    const events: Event[] = [];
    let writing = true;
    const written = Promise.all(writers).then(() => {
      writing = false;
    });
    // Streams that are given up again and again, as those of a reader whose partitions change.
    while (writing || namesOf(events).size < ids.length || events.length < 240) {
      const before = events.length;
      const { events: more, stop } = follow(source, after(events));
      await expect.poll(() => more.length > 0 || (!writing && before >= 240), patient).toBe(true);
      await stop();
      events.push(...more);
    }
    await written;
    const { events: last } = follow(source, after(events));
    await expect.poll(() => namesOf([...events, ...last]), patient).toEqual(expected(ids, 1, 20));
  });

  test('a stream ends when its signal aborts, waiting or not', async () => {
    const publisher = await make();
    const waiting = follow(publisher.source('order'), everything);
    await publisher.publish(versions(productIds(5), 1, 2));
    await expect.poll(() => waiting.events.length, patient).toBe(10);
    await waiting.stop();
    expect(waiting.state.error).toBeUndefined();

    const scope = new AbortController();
    for await (const batch of publisher.source('order').follow(everything, scope.signal)) {
      if (batch.length > 0) scope.abort();
    }
    const aborted = publisher.source('order').follow(everything, AbortSignal.abort());
    for await (const batch of aborted) expect(batch).toEqual([]);
  });

  test('a log that does not reach back says so', async () => {
    const publisher = await make();
    const source = publisher.source('order');
    const ids = productIds(40);
    await publisher.publish(versions(ids, 1, 3));
    const reading = follow(source, everything);
    await expect.poll(() => namesOf(reading.events), patient).toEqual(expected(ids, 1, 3));
    await source.acknowledge(after(reading.events));
    await reading.stop();
    await publisher.removeOld();
    const late = follow(source, everything);
    await late.ended;
    expect(late.state.error).toMatchObject({ kind: 'OUT_OF_RANGE', reason: 'EVENTS_REMOVED' });
    const soon = follow(source, after(reading.events));
    await publisher.publish(versions(ids, 4, 4));
    await expect.poll(() => namesOf(soon.events), patient).toEqual(expected(ids, 4, 4));
  });

  test('a snapshot is exactly what the log says up to its position', async () => {
    const publisher = await make();
    const source = publisher.source('user');
    const ids = productIds(200, 3);
    const others = productIds(50, 4);
    await publisher.publish(versions([...ids, ...others], 1, 2));
    // They write while the snapshot is taken.
    let writing = true;
    const writers = [0, 1, 2].map(async (writer) => {
      const own = ids.filter((_, i) => i % 3 === writer);
      let version = 2;
      while (writing || version < 4) {
        version++;
        await publisher.publish(own.slice(0, 20).map((id) => updated(id, version)));
      }
      return { own: own.slice(0, 20), version };
    });
    const scope = new AbortController();
    const names = new Map<string, string>();
    const { position, events } = await source.snapshot(3, scope.signal);
    for await (const page of events) {
      for (const event of page) {
        expect(event.position).toBe(0n);
        names.set(event.subject, nameOf(event.data));
      }
    }
    writing = false;
    const finished = await Promise.all(writers);
    expect(new Set(names.keys())).toEqual(new Set(ids));

    const rest = follow(source, new Map([[3, position]]));
    const lastOf = (id: string) => namesOf(rest.events).get(id)?.at(-1) ?? names.get(id);
    for (const { own, version } of finished) {
      for (const id of own) await expect.poll(() => lastOf(id), patient).toBe(`v${version}`);
    }
    // No event is missing between the two, nor in both.
    for (const [id, came] of namesOf(rest.events)) {
      const first = Number(names.get(id)?.slice(1)) + 1;
      expect(came).toEqual(came.map((_, i) => `v${first + i}`));
    }
  });

  test('a snapshot that is left or aborted is over, and another one can be taken', async () => {
    const publisher = await make();
    const source = publisher.source('user');
    await publisher.publish(versions(productIds(1_200, 1), 1, 1));
    for (let attempt = 0; attempt < 3; attempt++) {
      const { events } = await source.snapshot(1, new AbortController().signal);
      for await (const _ of events) break;
    }
    const scope = new AbortController();
    const aborted = await source.snapshot(1, scope.signal);
    scope.abort();
    let count = 0;
    await (async () => {
      for await (const page of aborted.events) count += page.length;
    })().catch(() => {});
    expect(count).toBeLessThan(1_200);
    const { events } = await source.snapshot(1, new AbortController().signal);
    count = 0;
    for await (const page of events) count += page.length;
    expect(count).toBe(1_200);
  });
}
