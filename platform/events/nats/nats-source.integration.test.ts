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
import { eventMessage, streamOf } from './wire.ts';

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
    /** How often the log was followed by the reader, and not by the relay. */
    const counts = { follow: 0 };
    const feed = events.feed('test');
    const source = natsSource({
      broker,
      publisher: 'product',
      consumer: 'test',
      feed: {
        ...feed,
        follow(positions, signal) {
          counts.follow++;
          return feed.follow(positions, signal);
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
    const follow = () => {
      const got: Event[] = [];
      const stopping = new AbortController();
      const reading = (async () => {
        for await (const batch of source.follow(start, stopping.signal)) got.push(...batch);
      })();
      ends.push(async () => {
        stopping.abort();
        await reading;
      });
      return got;
    };
    return { start, change, relay, relayed, source, counts, follow };
  }

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
    const { relay, relayed, change, follow, counts } = await given();
    relay();
    await relayed(await change(products, 20));
    const got = follow();
    await expectAll(got, 20 * products.length);
    counts.follow = 0;
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

  test('an event that is too big for the broker comes from the log', async () => {
    const { relay, change, follow } = await given();
    relay();
    const got = follow();
    await change(products, 2);
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
    const { relay, relayed, change, follow, counts } = await given();
    relay();
    const got = follow();
    await relayed(await change(products, 5));
    await expectAll(got, 5 * products.length);
    await server.kill();
    await expectAll(got, await change(products, 5));
    await server.restart();
    await relayed(10 * products.length);
    await expect.poll(() => counts.follow, patient).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        counts.follow = 0;
        await change(products);
        await relayed(await change([]));
        return counts.follow;
      }, patient)
      .toBe(0);
    await expectAll(got, await change([]));
  });

  test('while nobody relays, the log is read', async () => {
    const { relay, relayed, change, follow } = await given();
    const first = relay();
    const got = follow();
    await relayed(await change(products, 5));
    await first.stop();
    await expectAll(got, await change(products, 5));
    relay();
    await expectAll(got, await change(products, 5));
  });

  test('another reader takes over at once, also what the first was sent and did not acknowledge', async () => {
    const { relay, relayed, change, follow } = await given();
    relay();
    await relayed(await change(products, 20));
    await expectAll(follow(), 20 * products.length);
    await expectAll(follow(), 20 * products.length);
  });

  test('what is acknowledged does not come again from the stream', async () => {
    const { relay, relayed, change, source, follow } = await given();
    relay();
    await relayed(await change(products, 20));
    const got = follow();
    await expectAll(got, 20 * products.length);
    const upTo = new Map(got.map(({ subject, position }) => [partitionOf(subject), position]));
    await source.acknowledge(upTo);
    const { consumers } = await managerOf(await connection());
    for (const partition of upTo.keys()) {
      await expect
        .poll(async () => (await consumers.info(streamOf('product'), `test-${partition}`)).num_ack_pending)
        .toBe(0);
    }
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
