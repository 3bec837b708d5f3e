import { headers } from '@nats-io/transport-node';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { hasNats, testBroker } from '../../testing/nats.ts';
import { connectBroker } from './broker.ts';
import { managerOf } from './stream.ts';
import { writeStream } from './stream-writer.ts';
import type { Outgoing } from './wire.ts';

describe.skipIf(!hasNats())('the writer of a stream', async () => {
  if (!hasNats()) return;
  const server = await testBroker();
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const broker = connectBroker(server.url, 'test', log);
  afterAll(() => broker.close());
  const connection = await broker.connected(AbortSignal.timeout(10_000));
  const { streams } = await managerOf(connection);

  const message = (name: string, size = 1): Outgoing => ({
    subject: `test.${name}`,
    id: name,
    headers: headers(),
    body: new Uint8Array(size),
  });
  const named = (...names: string[]) => names.map((name) => message(name));
  /** What is in the stream, in its order. */
  const stored = async () => {
    const { state } = await streams.info('TEST');
    const all = [];
    for (let seq = 1; seq <= state.last_seq; seq++)
      all.push((await streams.getMessage('TEST', { seq }))?.subject);
    return all.map((subject) => subject?.slice('test.'.length)).join('');
  };

  beforeEach(async () => {
    await streams.delete('TEST').catch(() => {});
    await streams.add({ name: 'TEST', subjects: ['test.>'], max_msg_size: 500 });
  });

  test('stores messages in their order, whatever the calls', async () => {
    const writer = writeStream(connection, 0);
    await Promise.all([writer.write(named('a', 'b')), writer.write(named('c')), writer.write([])]);
    await writer.write(named('d', 'e'));
    expect(await stored()).toBe('abcde');
  });

  test('stores nothing after a message that was refused', async () => {
    const writer = writeStream(connection, 0);
    await expect(writer.write([message('a'), message('b', 501), message('c')])).rejects.toThrow();
    await expect(writer.write(named('d'))).rejects.toThrow();
    expect(await stored()).toBe('a');
    await writeStream(connection, 1).write(named('b', 'c'));
    expect(await stored()).toBe('abc');
  });

  test('one that was overtaken stores nothing more', async () => {
    const first = writeStream(connection, 0);
    await first.write(named('a', 'b'));
    const second = writeStream(connection, 2);
    await second.write(named('x', 'y'));
    // As many as the second has written, and more: their numbers would fit.
    await expect(first.write(named('c', 'd', 'e', 'f'))).rejects.toThrow();
    await expect(first.write(named('g'))).rejects.toThrow();
    await second.write(named('z'));
    expect(await stored()).toBe('abxyz');
  });

  test('a repeat is not stored', async () => {
    await writeStream(connection, 0).write(named('a', 'b'));
    await expect(writeStream(connection, 2).write(named('b'))).rejects.toThrow();
    await expect(writeStream(connection, 2).write(named('a', 'c'))).rejects.toThrow();
    // What comes after the last one is right where it belongs.
    await writeStream(connection, 2).write(named('b', 'c'));
    expect(await stored()).toBe('abc');
  });
});
