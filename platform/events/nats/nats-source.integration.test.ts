import { setTimeout as sleep } from 'node:timers/promises';
import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { testEventLog } from '../../testing/event-log.ts';
import { hasNats, testBroker } from '../../testing/nats.ts';
import { productIds } from '../../testing/product-copies.ts';
import { storedEvents } from '../../testing/stream.ts';
import { partitionOf } from '../event.ts';
import type { Positions } from '../source.ts';
import { connectBroker } from './broker.ts';
import { natsSource } from './nats-source.ts';
import { createRelay } from './relay.ts';
import { relayStarts } from './relay-store.ts';
import { managerOf } from './stream.ts';
import { eventMessage, markMessage, streamOf } from './wire.ts';

const patient = { timeout: 25_000, interval: 20 };

describe.skipIf(!hasNats())('the source', async () => {
  if (!hasNats()) return;
  const server = await testBroker('max_payload: 20KB');
  const { sql, publisher, ...events } = await testEventLog();
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const broker = connectBroker(server.url, 'test', log);
  afterAll(() => broker.close());
  const connection = () => broker.connected(AbortSignal.timeout(10_000));
  const stream = async () => (await managerOf(await connection())).streams;
  const products = productIds(12);
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await (await stream()).delete(streamOf('product')).catch(() => {});
  });

  /** Begins where the log ends, without a stream, and without consumers. */
  async function given() {
    await sql`delete from event_consumers`;
    const start: Positions = new Map(
      (await relayStarts(sql)).map(({ partition, last }) => [partition, last]),
    );
    await publisher.acknowledge('test', start);
    const before = await events.change([]);
    /** As change of the log; counts the test's events. */
    const change = async (subjects: readonly string[], times?: number) =>
      (await events.change(subjects, times)) - before;
    const relay = () => {
      const relay = createRelay({ sql, service: 'product', publisher, broker, log });
      relay.start(new AbortController().signal);
      ends.push(relay.stop);
      return relay;
    };
    /** How often the log was followed by the reader, and not by the relay, and how many times at the moment. */
    const counts = { follow: 0, following: 0 };
    const feed = events.feed('test');
    const source = natsSource({
      broker,
      publisher: 'product',
      consumer: 'test',
      feed: {
        ...feed,
        async *follow(positions, signal) {
          counts.follow++;
          counts.following++;
          try {
            yield* feed.follow(positions, signal);
          } finally {
            counts.following--;
          }
        },
      },
      log,
      silenceMs: 1_500,
    });
    const relayed = async (count: number) =>
      expect
        .poll(async () => (await storedEvents(await connection(), 'product')).length, patient)
        .toBe(count);
    /** Reads until the test ends, and keeps what comes. */
    const follow = (from = start) => {
      const got: Event[] = [];
      const stopping = new AbortController();
      const reading = (async () => {
        for await (const batch of source.follow(from, stopping.signal)) got.push(...batch);
      })();
      ends.push(async () => {
        stopping.abort();
        await reading;
      });
      return got;
    };
    /** Waits until what happens comes from the stream alone. */
    const byStream = async (got: readonly Event[]) => {
      await expect
        .poll(async () => {
          await expectAll(got, await change(products));
          return counts.following;
        }, patient)
        .toBe(0);
      counts.follow = 0;
    };
    return { start, change, relay, relayed, source, counts, follow, byStream };
  }

  /** Where whoever has read these events goes on. */
  const after = (events: readonly Event[]): Positions =>
    new Map(events.map(({ subject, position }) => [partitionOf(subject), position]));

  /** As many events, each once, and those of a partition in their order. */
  async function expectAll(got: readonly Event[], count: number): Promise<void> {
    await expect.poll(() => got.length, patient).toBeGreaterThanOrEqual(count);
    expect(got).toHaveLength(count);
    const last = new Map<number, bigint>();
    for (const { subject, position } of got) {
      const partition = partitionOf(subject);
      expect(position).toBeGreaterThan(last.get(partition) ?? 0n);
      last.set(partition, position);
    }
  }

  test('reads what is in the stream and what comes, from there alone', async () => {
    const { relay, relayed, change, follow, byStream, counts } = await given();
    relay();
    await relayed(await change(products, 20));
    const got = follow();
    await expectAll(got, 20 * products.length);
    await byStream(got);
    await expectAll(got, await change(products, 20));
    expect(counts.follow).toBe(0);
  });

  test('reads from the log what happened before the stream was there', async () => {
    const { relay, relayed, change, follow } = await given();
    const [first] = await sql<{ count: bigint }[]>`select count(*) from events`;
    await change(products, 10);
    const count = async () => (await sql<{ count: bigint }[]>`select count(*) from events`)[0]?.count ?? 0n;
    await expect.poll(count, patient).toBe((first?.count ?? 0n) + 120n);
    const last = (await relayStarts(sql)).map(({ partition, last }) => [partition, last] as const);
    await publisher.acknowledge('nats', new Map(last));
    relay();
    await change(products, 5);
    await relayed(5 * products.length);
    const got = follow();
    await expectAll(got, 15 * products.length);
  });

  test('reads from the log what the stream has lost, in the middle and at the end', async () => {
    const { relay, relayed, change, follow, counts } = await given();
    relay();
    await relayed(await change(products, 20));
    const stored = await storedEvents(await connection(), 'product');
    for (const { sequence } of [...stored.slice(50, 70), ...stored.slice(-10)]) {
      await (await stream()).deleteMessage(streamOf('product'), sequence, false);
    }
    const got = follow();
    await expectAll(got, 20 * products.length);
    expect(counts.follow).toBeGreaterThan(0);
  });

  test('knows repeats, and puts right what is out of order or none of ours', async () => {
    const { start, relay, relayed, change, follow } = await given();
    relay();
    const got = follow();
    await relayed(await change(products, 5));
    await expectAll(got, 5 * products.length);
    const nats = await connection();
    for await (const events of publisher.follow('other', start, AbortSignal.timeout(20_000))) {
      for (const [i, event] of events.toReversed().entries()) {
        const message = eventMessage('product', event, event.position - 1n);
        message.headers.set('Nats-Msg-Id', `another-${i}`);
        nats.publish(message.subject, message.body, { headers: message.headers });
        nats.publish(message.subject, new Uint8Array([1, 2, 3]));
        nats.publish(message.subject, new Uint8Array([1, 2, 3]), { headers: message.headers });
      }
      break;
    }
    await change(products, 5);
    await expectAll(got, 10 * products.length);
  });

  test('marks alone are signs of life', async () => {
    const { relay, source, follow, byStream, counts } = await given();
    relay();
    const got = follow();
    await byStream(got);
    await ends.pop()?.();
    counts.follow = 0;
    const read = after(got);
    const stopping = new AbortController();
    let signs = 0;
    const reading = (async () => {
      for await (const batch of source.follow(read, stopping.signal)) if (batch.length === 0) signs++;
    })();
    const nats = await connection();
    // None is given for want of any other: there is a mark in time, always.
    for (let n = 0; n < 40; n++) {
      for (const [partition, position] of read) {
        const { subject, body, headers } = markMessage('product', partition, position);
        nats.publish(subject, body, { headers });
      }
      await sleep(50);
    }
    stopping.abort();
    await reading;
    expect(signs).toBeGreaterThan(10);
    expect(counts.follow).toBe(0);
  });

  test('an event that is too big for the broker comes from the log', async () => {
    const { relay, change, follow, byStream } = await given();
    relay();
    const got = follow();
    await byStream(got);
    await events.publish([
      {
        id: '019a0000-0000-7000-8000-000000000001',
        type: 'shop.product.v1.ProductUpdated',
        subject: products[0] ?? '',
        data: new Uint8Array(30_000),
        traceparent: '',
      },
    ]);
    await expectAll(got, await change(products, 2));
  });

  test('while the broker is away, the log is read; when it is back, the stream', async () => {
    const { relay, relayed, change, follow, byStream, counts } = await given();
    relay();
    const got = follow();
    await byStream(got);
    await server.kill();
    await expectAll(got, await change(products, 5));
    expect(counts.following).toBe(1);
    await server.restart();
    await relayed(await change(products));
    await byStream(got);
  });

  test('while nobody relays, the log is read', async () => {
    const { relay, change, follow, byStream } = await given();
    const first = relay();
    const got = follow();
    await byStream(got);
    await first.stop();
    await expectAll(got, await change(products, 5));
    relay();
    await byStream(got);
  });

  test('another reader takes over at once, also what the one before was sent and did not acknowledge', async () => {
    const { relay, change, follow, byStream, counts } = await given();
    relay();
    const first = follow();
    await byStream(first);
    const read = after(first);
    await expectAll(first, await change(products, 20));
    expect(counts.follow).toBe(0);
    // Ends the reader.
    await ends.pop()?.();
    counts.follow = 0;
    await expectAll(follow(read), 20 * products.length);
    expect(counts.follow).toBe(0);
  });

  test('what is acknowledged does not come again from the stream', async () => {
    const { relay, change, source, follow, byStream, counts } = await given();
    relay();
    const got = follow();
    await byStream(got);
    await source.acknowledge(after(got));
    await expectAll(got, await change(products, 20));
    const { consumers } = await managerOf(await connection());
    const unacknowledged = async () => {
      const infos = await Promise.all(
        [...after(got).keys()].map((partition) => consumers.info(streamOf('product'), `test-${partition}`)),
      );
      return infos.reduce((sum, { num_ack_pending }) => sum + num_ack_pending, 0);
    };
    // And marks, perhaps.
    await expect.poll(unacknowledged, patient).toBeGreaterThanOrEqual(20 * products.length);
    await source.acknowledge(after(got));
    await expect.poll(unacknowledged, patient).toBe(0);
    expect(counts.follow).toBe(0);
  });

  test('a reader that does not take is sent no more than it can keep', async () => {
    const { start, relay, relayed, change, source } = await given();
    relay();
    await relayed(await change(products, 400));
    const stopping = new AbortController();
    const batches = source.follow(start, stopping.signal)[Symbol.asyncIterator]();
    onTestFinished(() => stopping.abort());
    await batches.next();
    const { consumers } = await managerOf(await connection());
    const pending = async () => {
      const infos = await Promise.all(
        [...start.keys()].map((partition) => consumers.info(streamOf('product'), `test-${partition}`)),
      );
      return infos.reduce((sum, info) => sum + info.num_ack_pending, 0);
    };
    let before = -1;
    await expect
      .poll(
        async () => {
          const [last, now] = [before, await pending()];
          before = now;
          return now === last && now > 0;
        },
        { ...patient, interval: 300 },
      )
      .toBe(true);
    expect(before).toBeLessThan(3_500);
    stopping.abort();
    await batches.return?.();
  });
});
