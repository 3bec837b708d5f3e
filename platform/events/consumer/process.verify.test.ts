import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { testDatabase } from '../../testing/database.ts';
import { serviceToken, testEventServices } from '../../testing/event-service.ts';
import { createCopies, effectsOf, productIds, updated } from '../../testing/product-copies.ts';

const { start } = await testEventServices();
const { sql, url } = await testDatabase('platform');
await createCopies(sql);
const script = fileURLToPath(new URL('../../testing/consumer-process.ts', import.meta.url));

test('processes are killed, stopped and go on, over a real wire, and every effect happens once, in order', async () => {
  const publisher = await start();
  await sql`
    insert into event_positions (publisher, partition, position) select 'product', n, 0 from generate_series(0, 7) as n`;
  const launch = (instance: string): ChildProcess => {
    const child = spawn(process.execPath, [script, instance, url, publisher.address, serviceToken('order')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };
  const kill = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };

  const ids = productIds(40);
  let version = 0;
  let writing = true;
  const written = (async () => {
    while (writing) {
      version++;
      await publisher.publish(ids.map((id) => updated(id, version)));
      await sleep(50);
    }
  })();
  const owners = async () =>
    (await sql<{ owner: string | null }[]>`select distinct owner from event_positions order by owner`).map(
      (row) => row.owner,
    );
  const patient = { timeout: 20_000, interval: 50 };

  let [one, two] = [launch('one'), launch('two')];
  const three = launch('three');
  await expect.poll(owners, patient).toEqual(['one', 'three', 'two']);
  await sleep(500);
  // Long enough for the others to take over what it has.
  three.kill('SIGSTOP');
  await kill(one, 'SIGKILL');
  await expect.poll(owners, patient).toEqual(['two']);
  one = launch('one');
  await expect.poll(owners, patient).toEqual(['one', 'two']);
  three.kill('SIGCONT');
  await kill(two, 'SIGTERM');
  await expect.poll(owners, patient).toEqual(['one', 'three']);
  two = launch('two');
  await expect.poll(owners, patient).toEqual(['one', 'three', 'two']);
  await kill(three, 'SIGKILL');
  await kill(one, 'SIGKILL');
  writing = false;
  await written;

  const inOrder = Array.from({ length: version }, (_, i) => i + 1);
  await expect.poll(() => effectsOf(sql), patient).toEqual(new Map(ids.map((id) => [id, inOrder])));
  await kill(two, 'SIGTERM');
  expect(await owners()).toEqual([null]);
}, 60_000);
