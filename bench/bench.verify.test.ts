import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Runs a benchmark for as short as it can be; what it prints. */
async function bench(only: string): Promise<string> {
  const settings = [`ONLY=${only}`, 'ROUNDS=1', 'SECONDS=1', 'CONCURRENCY=8'];
  return (await promisify(execFile)('env', [...settings, process.execPath, 'bench/bench.ts'])).stdout;
}

it('the benchmark of orders runs, and measures all of its subjects', async () => {
  const stdout = await bench('orders');
  const rate = (subject: string) => Number(new RegExp(`${subject}.*? {2,}(\\d+) {2}`).exec(stdout)?.[1]);
  expect(rate('Souk, MESH=none')).toBeGreaterThan(0);
  expect(rate('DBOS')).toBeGreaterThan(0);
  // Where there is no pgbench, it says so.
  if (!stdout.includes('PGBENCH_BIN')) expect(rate('pgbench, 8 connections')).toBeGreaterThan(0);
});

it('the benchmark of events runs, measures all of its subjects, and counts that each took effect once', async () => {
  const stdout = await bench('events');
  const figure = (subject: string) => Number(new RegExp(`^${subject} +([\\d.]+)`, 'm').exec(stdout)?.[1]);
  const transports = stdout.includes('Skipped: NATS') ? ['embedded'] : ['embedded', 'NATS JetStream'];
  for (const name of [...transports, 'pg-boss']) {
    expect(figure(name)).toBeGreaterThan(0);
    for (const transaction of [1, 10])
      expect(figure(`${name}, 1000 a second, ${transaction} a transaction`)).toBeGreaterThan(0);
  }
  for (const who of ['nobody reads, at one rate', 'three read, at the same'])
    expect(figure(who)).toBeGreaterThan(0);
  for (const who of ['nobody reads', 'three read'])
    expect(figure(`${who}, as fast as it goes`)).toBeGreaterThan(0);
});
