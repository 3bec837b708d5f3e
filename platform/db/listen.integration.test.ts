import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { testDatabase } from '../testing/database.ts';
import { createRelay } from '../testing/relay.ts';
import { createListen } from './listen.ts';
import { createServers } from './servers.ts';

const { sql, url } = await testDatabase('platform');

function listener(to: string) {
  const heard: string[] = [];
  let connects = 0;
  const subscription = createListen(createServers(to))(
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

test('channels share one connection, also one that is added later', async () => {
  const listen = createListen(createServers(url));
  const heard: string[] = [];
  const on = (channel: string) => {
    const listening = Promise.withResolvers<void>();
    const { close } = listen(channel, (payload) => heard.push(`${channel} ${payload}`), listening.resolve);
    onTestFinished(close);
    return { listening: listening.promise, close };
  };
  const [first, second] = [on('first'), on('second')];
  await Promise.all([first.listening, second.listening]);
  const third = on('third');
  await third.listening;
  const [before] = await sql`
    select count(*)::integer as connections from pg_stat_activity
    where datname = current_database() and query like 'listen %'`;
  expect(before).toEqual({ connections: 1 });
  await second.close();
  for (const channel of ['first', 'second', 'third']) await sql`select pg_notify(${channel}, 'news')`;
  await expect.poll(() => heard).toEqual(['first news', 'third news']);
});
