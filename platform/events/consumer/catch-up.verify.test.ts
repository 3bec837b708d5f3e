import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { testDatabase } from '../../testing/database.ts';
import { serviceToken, testEventServices } from '../../testing/event-service.ts';
import { countEffects, createCopies, effectsOf, productIds, updated } from '../../testing/product-copies.ts';

const { start } = await testEventServices();
const { sql, url } = await testDatabase('platform');
await createCopies(sql);
const script = fileURLToPath(new URL('../../testing/consumer-process.ts', import.meta.url));
const patient = { timeout: 120_000, interval: 100 };
/** In MB. All of the events at once would need several times as much: the process would end. */
const HEAP = 40;

test('a process that was down for 100,000 events catches up from the log, with a small heap', async () => {
  const publisher = await start();
  await sql`
    insert into event_positions (publisher, partition, position) select 'product', n, 0 from generate_series(0, 7) as n`;
  const launch = (): ChildProcess => {
    const args = [
      `--max-old-space-size=${HEAP}`,
      script,
      'one',
      url,
      publisher.address,
      serviceToken('order'),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };
  const ids = productIds(1_000);
  const change = (version: number) => publisher.publish(ids.map((id) => updated(id, version)));

  const first = launch();
  await change(1);
  await expect.poll(() => countEffects(sql), patient).toBe(1_000);
  const killed = once(first, 'exit');
  first.kill('SIGKILL');
  await killed;
  for (let version = 2; version <= 101; version++) await change(version);

  const second = launch();
  await expect.poll(() => countEffects(sql), patient).toBe(101_000);
  expect(second.exitCode).toBeNull();
  const inOrder = Array.from({ length: 101 }, (_, i) => i + 1);
  expect(await effectsOf(sql)).toEqual(new Map(ids.map((id) => [id, inOrder])));
});
