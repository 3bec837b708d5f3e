import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the benchmark of orders runs, and measures all of its subjects', async () => {
  const settings = ['ONLY=orders', 'ROUNDS=1', 'SECONDS=1', 'CONCURRENCY=8'];
  const { stdout } = await promisify(execFile)('env', [...settings, process.execPath, 'bench/bench.ts']);
  const rate = (subject: string) => Number(new RegExp(`${subject}.*? {2,}(\\d+) {2}`).exec(stdout)?.[1]);
  expect(rate('Souk, MESH=none')).toBeGreaterThan(0);
  expect(rate('DBOS')).toBeGreaterThan(0);
  // Where there is no pgbench, it says so.
  if (!stdout.includes('PGBENCH_BIN')) expect(rate('pgbench, 8 connections')).toBeGreaterThan(0);
});
