import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { testEventLog } from '../../testing/event-log.ts';
import { hasNats, testBroker } from '../../testing/nats.ts';
import { productIds } from '../../testing/product-copies.ts';
import { faultsIn, storedEvents } from '../../testing/stream.ts';
import { connectBroker } from './broker.ts';
import { createRelay } from './relay.ts';
import { forgetRelay, relayStarts } from './relay-store.ts';
import { managerOf } from './stream.ts';
import { markMessage, streamOf } from './wire.ts';

describe.skipIf(!hasNats())('the relay', async () => {
  if (!hasNats()) return;
  const server = await testBroker();
  const log = await testEventLog();
  const products = productIds(20);
  const silent = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const onlooker = connectBroker(server.url, 'onlooker', silent);
  afterAll(() => onlooker.close());
  const lines: string[] = [];
  const logger = createLogger(
    { service: 'product', instance: 'product-1', level: 'info' },
    { write: (line) => void lines.push(line) },
  );
  const running: (() => Promise<void>)[] = [];
  /** How many events there were before the test. */
  let before = 0;

  const connection = () => onlooker.connected(AbortSignal.timeout(10_000));
  /** Starts a relay, which the test may stop. */
  const relay = () => {
    const broker = connectBroker(server.url, 'relay', logger);
    const relay = createRelay({
      sql: log.sql,
      service: 'product',
      publisher: log.publisher,
      broker,
      log: logger,
    });
    relay.start(new AbortController().signal);
    const stop = async () => {
      await relay.stop();
      await broker.close();
    };
    running.push(stop);
    return { stop };
  };
  const stored = async () => storedEvents(await connection(), 'product');
  const patient = { timeout: 25_000, interval: 100 };
  /** Waits until so many events are in the stream, and looks whether each is there once, in its place. */
  const expectStored = async (count: number) => {
    await expect.poll(async () => (await stored()).length, patient).toBeGreaterThanOrEqual(count);
    const events = await stored();
    expect(faultsIn(events)).toEqual([]);
    expect(events).toHaveLength(count);
    expect(new Set(events.map(({ position }) => position)).size).toBe(count);
    return events;
  };

  beforeEach(async () => {
    before = await log.change([]);
    lines.length = 0;
  });
  // Each test begins where nothing is in the stream, and nobody needs what is in the log.
  afterEach(async () => {
    for (const stop of running.splice(0)) await stop();
    const manager = await managerOf(await connection());
    await manager.streams.delete(streamOf('product')).catch(() => {});
    await forgetRelay(log.sql);
    const last = await relayStarts(log.sql);
    await log.publisher.acknowledge('test', new Map(last.map(({ partition, last }) => [partition, last])));
  });

  test('each event is in the stream once, after the one before it', async () => {
    relay();
    const count = (await log.change(products, 30)) - before;
    await expectStored(count);
  });

  test('what nobody needs any more is not relayed by a relay that is new', async () => {
    await log.change(products, 3);
    await expect.poll(async () => (await log.sql`select from outbox`).length, patient).toBe(0);
    const starts = await relayStarts(log.sql);
    await log.publisher.acknowledge('test', new Map(starts.map(({ partition, last }) => [partition, last])));
    relay();
    await log.change(products, 2);
    await expectStored(2 * products.length);
  });

  test('a relay goes on where the stream ends, though that was not acknowledged to the log', async () => {
    await relay().stop();
    const first = relay();
    const count = (await log.change(products, 10)) - before;
    await expectStored(count);
    await first.stop();
    await log.sql`update event_consumers set position = 0 where consumer = 'nats'`;
    relay();
    await log.change(products, 10);
    await expectStored(2 * count);
  });

  test('what the broker has lost of the end of the stream is relayed again', async () => {
    const first = relay();
    await log.change(products, 10);
    await expectStored(10 * products.length);
    await first.stop();
    const { streams } = await managerOf(await connection());
    const { state } = await streams.info(streamOf('product'));
    const end = (await stored()).at(-50)?.sequence ?? 0;
    for (let seq = state.last_seq; seq > end; seq--) {
      await streams.deleteMessage(streamOf('product'), seq).catch(() => {});
    }
    expect((await stored()).length).toBe(10 * products.length - 49);
    relay();
    await expectStored(10 * products.length);
  });

  test('the broker is killed under load: nothing is lost or doubled, or out of order', async () => {
    relay();
    for (let round = 0; round < 3; round++) {
      const changing = log.change(products, 30);
      await expect.poll(async () => (await stored()).length, patient).toBeGreaterThan(round * 300);
      await server.kill();
      await log.change(products, 10);
      await server.restart();
      await changing;
    }
    await expectStored((await log.change([])) - before);
    expect(lines.filter((line) => line.includes('can not be relayed'))).toEqual([]);
  });

  test('of two relays one works; the other takes over when it stops', async () => {
    const [first] = [relay(), relay()];
    await log.change(products, 10);
    await expectStored(10 * products.length);
    await first?.stop();
    await log.change(products, 10);
    await expectStored(20 * products.length);
  });

  test.each(['SIGKILL', 'SIGSTOP'] as const)('another takes over from a process that got %s', async (how) => {
    const child = relayInAnotherProcess(server.url, log.url);
    await log.change(products, 5);
    await expectStored(5 * products.length);
    const changing = log.change(products, 50);
    child.kill(how);
    relay();
    await changing;
    await expectStored(55 * products.length);
    // One that was stopped goes on where it was, and has to notice that it is late.
    child.kill('SIGCONT');
    await log.change(products, 5);
    await expectStored(60 * products.length);
  });

  test('a stream of another log is emptied', async () => {
    const first = relay();
    await log.change(products, 5);
    const [one] = await expectStored(5 * products.length);
    await first.stop();
    const mark = markMessage('product', one?.partition ?? 0, 1_000_000n);
    await (await connection()).request(mark.subject, mark.body, { headers: mark.headers, timeout: 2_000 });
    relay();
    await expect.poll(() => lines.join(), patient).toContain('of another log');
    await log.change(products, 5);
    await expectStored(5 * products.length);
  });

  test('an outage is one line in the log, and no line has the password', async () => {
    await server.kill();
    relay();
    await log.change(products);
    await expect.poll(() => lines.length, patient).toBeGreaterThan(0);
    await server.restart();
    await expectStored(products.length);
    expect(lines.filter((line) => line.includes('broker is away'))).toHaveLength(1);
    expect(lines.join()).not.toContain('pass-word');
  });
});

/** A process that relays the same log. */
function relayInAnotherProcess(broker: string, database: string): ChildProcess {
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    const { connect } = await import(${at('../../db/database.ts')});
    const { createLogger } = await import(${at('../../telemetry/log.ts')});
    const { createPublisher } = await import(${at('../publisher/publisher.ts')});
    const { createNatsTransport } = await import(${at('./nats.ts')});
    const { Registry } = await import('prom-client');
    const log = createLogger({ service: 'product', instance: 'product-2', level: 'warn' });
    const { sql } = connect({ DATABASE_URL: '${database}', DATABASE_POOL_SIZE: 4, INSTANCE: 'product-2' }, log);
    const publisher = createPublisher({
      sql, source: 'product', async *snapshot() {}, log, registry: new Registry(), retentionSeconds: 3600 });
    const nats = createNatsTransport({ url: '${broker}', sql, service: 'product', instance: 'product-2', log });
    const { signal } = new AbortController();
    publisher.start(signal);
    nats.relay(publisher, signal);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
