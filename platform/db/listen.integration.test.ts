import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { testDatabase } from '../testing/database.ts';
import { createRelay } from '../testing/relay.ts';
import { listen } from './listen.ts';
import { createServers } from './servers.ts';

const { sql, url } = await testDatabase('platform');

function listener(to: string) {
  const heard: string[] = [];
  let connects = 0;
  const subscription = listen(
    createServers(to),
    'news',
    (payload) => heard.push(payload),
    () => {
      connects += 1;
    },
  );
  onTestFinished(() => subscription.close());
  return { heard, connects: () => connects, close: subscription.close };
}

test('notifications are heard, also after the connection was lost', async () => {
  const relay = await createRelay(url);
  const { heard, connects } = listener(relay.url);
  await expect.poll(connects).toBe(1);
  await sql`select pg_notify('news', 'one')`;
  await expect.poll(() => heard).toEqual(['one']);
  await relay.cut();
  await relay.restore();
  await expect.poll(connects, { timeout: 5_000 }).toBe(2);
  await sql`select pg_notify('news', 'two')`;
  await expect.poll(() => heard).toEqual(['one', 'two']);
});

test.each([0, 5, 50, 300])('it closes at once, %i ms after its start', async (ms) => {
  const { close } = listener(url);
  await sleep(ms);
  const began = performance.now();
  await close();
  expect(performance.now() - began).toBeLessThan(500);
});

test('it closes at once while the server is away', async () => {
  const relay = await createRelay(url);
  await relay.cut();
  const { close } = listener(relay.url);
  await sleep(50);
  const began = performance.now();
  await close();
  expect(performance.now() - began).toBeLessThan(500);
});
