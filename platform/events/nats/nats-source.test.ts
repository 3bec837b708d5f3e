import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { memoryPublisher } from '../../testing/memory-source.ts';
import { connectBroker } from './broker.ts';
import { natsSource } from './nats-source.ts';

test('a publisher that ends its stream is not asked again at once', async () => {
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  // Nobody listens there: the log is read.
  const broker = connectBroker('nats://127.0.0.1:1', 'test', log);
  onTestFinished(() => broker.close());
  let asked = 0;
  const feed = {
    ...memoryPublisher('product').source,
    async *follow() {
      asked++;
      yield [];
    },
  };
  const source = natsSource({ broker, publisher: 'product', consumer: 'test', feed, log });
  const reading = source.follow(new Map([[0, 0n]]), AbortSignal.timeout(5_000))[Symbol.asyncIterator]();
  expect(await reading.next()).toEqual({ done: false, value: [] });
  await expect(reading.next()).rejects.toMatchObject({ kind: 'UNAVAILABLE', reason: 'EVENTS_ENDED' });
  expect(asked).toBe(1);
});
