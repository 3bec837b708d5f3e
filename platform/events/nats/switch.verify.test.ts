import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { testConsumers } from '../../testing/consumers.ts';
import { testEventLog } from '../../testing/event-log.ts';
import { hasNats, testBroker } from '../../testing/nats.ts';
import { countEffects, effectsOf, productIds } from '../../testing/product-copies.ts';
import { createNatsTransport } from './nats.ts';
import { RELAY } from './relay-store.ts';

const patient = { timeout: 40_000, interval: 100 };

describe.skipIf(!hasNats())('from one transport to the other and back', async () => {
  if (!hasNats()) return;
  const server = await testBroker();
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const { sql, publisher, feed, change } = await testEventLog();
  const consumers = await testConsumers();
  const products = productIds(40);
  const embedded = feed('test');
  const of = (service: string) =>
    createNatsTransport({ url: server.url, sql, service, instance: `${service}-1`, log });
  const [publishing, reading] = [of('product'), of('test')];
  const byBroker = reading.source('product', embedded);
  publishing.relay(publisher, new AbortController().signal);
  afterAll(async () => {
    await consumers.clear();
    await Promise.all([publishing.stop(), reading.stop()]);
  });
  const versions = new Map(products.map((product) => [product, 0]));

  /** Changes all products again and again, until it is ended. */
  function load() {
    const stopping = new AbortController();
    const working = (async () => {
      while (!stopping.signal.aborted) {
        await change(products);
        for (const product of products) versions.set(product, (versions.get(product) ?? 0) + 1);
        await sleep(10);
      }
    })();
    return async () => {
      stopping.abort();
      await working;
    };
  }

  /** Some more events take effect. */
  async function progress(): Promise<void> {
    const before = await countEffects(consumers.sql);
    await expect.poll(() => countEffects(consumers.sql), patient).toBeGreaterThan(before + 200);
  }

  /** All of them took effect, each once, and those of one product in their order. */
  async function expectAll(): Promise<void> {
    const expected = new Map(
      [...versions].map(([product, last]) => [product, Array.from({ length: last }, (_, i) => i + 1)]),
    );
    const count = [...versions.values()].reduce((sum, last) => sum + last, 0);
    await expect.poll(() => countEffects(consumers.sql), patient).toBeGreaterThanOrEqual(count);
    expect(await effectsOf(consumers.sql)).toEqual(expected);
  }

  beforeEach(async () => {
    await consumers.clear();
    await sql`delete from event_consumers where consumer <> ${RELAY}`;
    await sql`update event_log_starts set position = 0`;
    await consumers.fromStart();
  });

  test('under load, instance by instance', async () => {
    const end = load();
    const one = await consumers.start({ product: embedded });
    await progress();
    const two = await consumers.start({ product: byBroker });
    await progress();
    await one.stop();
    await progress();
    const three = await consumers.start({ product: embedded });
    await progress();
    await two.kill();
    await progress();
    await three.stop();
    await consumers.start({ product: byBroker });
    await progress();
    await end();
    await expectAll();
  });

  test('the broker is killed under load, again and again', async () => {
    await consumers.start({ product: byBroker });
    const end = load();
    for (let round = 0; round < 3; round++) {
      await progress();
      await server.kill();
      await progress();
      await server.restart();
    }
    await progress();
    await end();
    await expectAll();
  });

  test('the broker loses all that it had, under load', async () => {
    await consumers.start({ product: byBroker });
    const end = load();
    await progress();
    await server.kill();
    server.wipe();
    await server.restart();
    await progress();
    await end();
    await expectAll();
  });

  test('instances are killed under load, and share what is left', async () => {
    const end = load();
    const instances = [
      await consumers.start({ product: byBroker }),
      await consumers.start({ product: of('test').source('product', embedded) }),
    ];
    await progress();
    await instances[0]?.kill();
    await progress();
    await consumers.start({ product: byBroker });
    await progress();
    await instances[1]?.kill();
    await end();
    await expectAll();
  });
});
