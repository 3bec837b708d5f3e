import { afterAll, describe, expect, onTestFinished } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { testEventServices } from '../../testing/event-service.ts';
import { hasNats, testBroker } from '../../testing/nats.ts';
import { testSourceContract } from '../../testing/source-contract.ts';
import { connectBroker } from './broker.ts';
import { createNatsTransport } from './nats.ts';
import { relayStarts } from './relay-store.ts';
import { managerOf } from './stream.ts';
import { streamOf } from './wire.ts';

describe.skipIf(!hasNats())("a publisher's stream", async () => {
  if (!hasNats()) return;
  const server = await testBroker();
  const { sql, start } = await testEventServices();
  const log = createLogger({ service: 'test', instance: 'test', level: 'error' });
  const broker = connectBroker(server.url, 'test', log);
  afterAll(() => broker.close());

  testSourceContract(async () => {
    const manager = await managerOf(await broker.connected(AbortSignal.timeout(10_000)));
    await manager.streams.delete(streamOf('product')).catch(() => {});
    const service = await start({ broker: server.url });
    return {
      ...service,
      source(consumer) {
        const options = { url: server.url, sql, service: consumer, instance: `${consumer}-1`, log };
        const transport = createNatsTransport(options);
        onTestFinished(() => transport.stop());
        return transport.source('product', service.source(consumer));
      },
      async removeOld() {
        // The relay is a reader of the log as well.
        const relayed = async () =>
          (await relayStarts(sql)).every(({ acknowledged, last }) => acknowledged === last);
        await expect.poll(relayed, { timeout: 15_000 }).toBe(true);
        await service.removeOld();
      },
    };
  });
});
