import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 20_000 });

const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** A real process that runs `body` inside run(); its output so far. */
function start(
  body: string,
  drainTimeoutMs = 500,
): { child: ChildProcess; output: () => string; exit: Promise<number> } {
  const script = `
    const { run } = await import(${url('./run.ts')});
    const { createLogger } = await import(${url('../telemetry/log.ts')});
    const log = createLogger({ service: 's', instance: 'i', level: 'info' });
    const say = (text) => process.stdout.write(text + '\\n');
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await run({ log, drainTimeoutMs: ${drainTimeoutMs} }, async (app) => { ${body} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const exit = once(child, 'close').then(([code]) => code as number);
  return { child, output: () => text, exit };
}
/** A process takes a second to start on a busy machine. */
const patient = { timeout: 8_000 };
const words = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('{'));

test('SIGTERM drains all at once, then closes in reverse, then exits 0', async () => {
  const { child, output, exit } = start(`
    setInterval(() => {}, 1000);
    app.stopping.addEventListener('abort', () => say('stopping'));
    app.onStop(() => say('close first'));
    app.onStop(async () => { await sleep(20); say('close second'); });
    app.onDrain(async () => { await sleep(80); say('drained slow'); });
    app.onDrain(async () => { await sleep(20); say('drained quick'); });
    say('ready');`);
  await expect.poll(output, patient).toContain('ready');
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(words(output())).toEqual([
    'ready',
    'stopping',
    'drained quick',
    'drained slow',
    'close second',
    'close first',
  ]);
});

test('a failing step is logged, the others still run, the exit code is 1', async () => {
  const { child, output, exit } = start(`
    setInterval(() => {}, 1000);
    app.onStop(() => say('closed'));
    app.onStop(() => { throw new Error('stuck valve'); });
    say('ready');`);
  await expect.poll(output, patient).toContain('ready');
  child.kill('SIGINT');
  expect(await exit).toBe(1);
  expect(words(output())).toContain('closed');
  expect(output()).toContain('stuck valve');
});

test('a start that fails closes what it opened and exits 1', async () => {
  const { output, exit } = start(`app.onStop(() => say('closed')); throw new Error('no database');`);
  expect(await exit).toBe(1);
  expect(words(output())).toEqual(['closed']);
  expect(output()).toContain('no database');
});

test.each([
  [
    'an uncaught exception',
    `setTimeout(() => { throw new Error('boom'); }, 10); setInterval(() => {}, 1000);`,
  ],
  ['an unhandled rejection', `void Promise.reject(new Error('boom')); setInterval(() => {}, 1000);`],
])('%s is logged as fatal and exits 1', async (_name, body) => {
  const { output, exit } = start(body);
  expect(await exit).toBe(1);
  expect(output()).toContain('"level":"fatal"');
  expect(output()).toContain('boom');
});

test('a stop that takes too long ends with code 1; a second signal ends it at once', async () => {
  const stuck = `setInterval(() => {}, 1000); app.onStop(() => new Promise(() => {})); say('ready');`;
  const bounded = start(stuck, 50);
  const impatient = start(stuck, 60_000);
  for (const { child, output } of [bounded, impatient]) {
    await expect.poll(output, patient).toContain('ready');
    child.kill('SIGTERM');
  }
  await expect.poll(impatient.output, patient).toContain('stopping');
  impatient.child.kill('SIGTERM');
  expect(await impatient.exit).toBe(1);
  expect(await bounded.exit).toBe(1);
  expect(bounded.output()).toContain('the stop took too long');
});
