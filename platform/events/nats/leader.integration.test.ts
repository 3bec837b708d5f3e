import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../db/database.ts';
import { createLogger } from '../../telemetry/log.ts';
import { testDatabase } from '../../testing/database.ts';
import { createRelay } from '../../testing/relay.ts';
import { whileLeader } from './leader.ts';

const { sql, url } = await testDatabase('platform');
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const patient = { timeout: 15_000, interval: 50 };
const never = new AbortController().signal;

/** Another process, by its way to the database. */
async function another() {
  const relay = await createRelay(url);
  const database = connect({ DATABASE_URL: relay.url, DATABASE_POOL_SIZE: 2, INSTANCE: 'another' }, log);
  onTestFinished(() => database.close());
  return { relay, sql: database.sql };
}

/** Leads until it is ended, and tells when it begins and when it may no longer be the leader. */
function lead(by: typeof sql, name: string) {
  const begun = Promise.withResolvers<void>();
  const end = new AbortController();
  let lost = false;
  const leading = whileLeader(by, name, never, async (signal) => {
    begun.resolve();
    const either = AbortSignal.any([signal, end.signal]);
    await sleep(30_000, undefined, { signal: either }).catch(() => {});
    lost = signal.aborted;
  });
  return {
    begun: begun.promise,
    lost: () => lost,
    async end() {
      end.abort();
      return leading.catch(() => false);
    },
  };
}

const isFree = (name: string) => whileLeader(sql, name, never, async () => {});

test('there is one leader of a name, and another one when it is done', async () => {
  const first = lead(sql, 'a');
  await first.begun;
  expect(await isFree('a')).toBe(false);
  expect(await isFree('b')).toBe(true);
  expect(await first.end()).toBe(true);
  expect(await isFree('a')).toBe(true);
});

test('it is free again when the work fails', async () => {
  await expect(
    whileLeader(sql, 'failing', never, async () => {
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await isFree('failing')).toBe(true);
});

test('of many at once one leads', async () => {
  let leading = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 6 }, () =>
      whileLeader(sql, 'many', never, async () => {
        most = Math.max(most, ++leading);
        await sleep(50);
        leading--;
      }),
    ),
  );
  expect(most).toBe(1);
});

test('a leader that loses its connection is told, and its place is free', async () => {
  const { relay, sql: theirs } = await another();
  const leader = lead(theirs, 'cut');
  await leader.begun;
  await relay.cut();
  await expect.poll(() => isFree('cut'), patient).toBe(true);
  await expect.poll(leader.lost, patient).toBe(true);
  await leader.end();
});

test('a leader that vanished is replaced in seconds, and knows it before', async () => {
  const { relay, sql: theirs } = await another();
  const leader = lead(theirs, 'vanished');
  await leader.begun;
  relay.freeze();
  await expect.poll(() => isFree('vanished'), patient).toBe(true);
  expect(leader.lost()).toBe(true);
  await relay.cut();
  await leader.end();
});
