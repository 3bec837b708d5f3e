import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { uuidv7 } from '../../id.ts';
import { appendEvents } from '../outbox.ts';
import { createLogStore } from './log-store.ts';
import {
  everywhere,
  fill,
  newTestEvent,
  publisherDatabase,
  publisherProcess,
  textOf,
} from './test-publisher.ts';

const { sql, url } = await publisherDatabase();

test('100,000 events are read in bounded memory, up to those that come meanwhile and after', async () => {
  await fill(sql, createLogStore(sql, 'test'), 100_000, 500);
  const { publisher } = publisherProcess(url);
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const used = () => {
    // Buffers are let go of by the collection after the one that finds them unused.
    collectGarbage();
    collectGarbage();
    // `external` has the array buffers.
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const before = used();
  let [most, count, largest] = [0, 0, 0];
  for await (const batch of publisher.follow('reader', everywhere(0n), ending.signal)) {
    for (const event of batch) if (Number(textOf(event)) !== ++count) expect(textOf(event)).toBe(count);
    largest = Math.max(largest, batch.length);
    if (count % 10_000 < batch.length) most = Math.max(most, used() - before);
    if (count === 60_000 || (count > 100_000 && count < 100_020)) {
      const next = count === 60_000 ? 100_001 : count + 1;
      await appendEvents(sql, [newTestEvent(uuidv7(), String(next))]);
      publisher.wake();
    }
    if (count === 100_020) ending.abort();
  }
  expect(count).toBe(100_020);
  expect(largest).toBeLessThanOrEqual(500);
  // All of them would be more than 100 MB.
  expect(most).toBeLessThan(20 * 1024 * 1024);
}, 120_000);
