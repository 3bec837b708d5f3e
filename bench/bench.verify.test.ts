import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the benchmark runs, and measures all of its subjects', async () => {
  const settings = ['ROUNDS=1', 'SECONDS=1', 'CONCURRENCY=8'];
  const { stdout } = await promisify(execFile)('env', [...settings, process.execPath, 'bench/bench.ts']);
  const rates = stdout
    .split('\n')
    .flatMap((line) => /^\S.*? {2,}(\d+) {2,}\d\.\d\d {2}/.exec(line)?.[1] ?? []);
  expect(rates).toHaveLength(4);
  for (const rate of rates) expect(Number(rate)).toBeGreaterThan(0);
  expect(stdout).toMatch(/start of an empty shop: \d/);
  expect(stdout).toMatch(/memory: \d+ MB idle/);
});
