import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, startShop } from '../../mesh/local/shop.ts';
import type { Report } from './report.ts';

const home = mkdtempSync(join(tmpdir(), 'souk-load-'));
const reports = join(home, 'reports');
const budgets = join(home, 'budgets.json');
let shop: Shop;
beforeAll(async () => {
  // No call may fail. How long one takes while an instance starts is a matter of the machine.
  const method = { p99Ms: 5_000, errorRate: 0 };
  const methods = { ListProducts: method, GetProduct: method, CreateOrder: method, UpdateOrder: method };
  const lenient = { measuredOn: 'nowhere', all: { errorRate: 0 }, lateness: { p99Ms: 1_000 }, methods };
  writeFileSync(budgets, JSON.stringify(lenient));
  shop = await startShop({ home });
});
afterAll(async () => {
  await shop?.stop();
  rmSync(home, { recursive: true, force: true });
});

/** Starts `make load` as another program. */
function startLoad(settings: NodeJS.ProcessEnv) {
  const env = { SOUK_HOME: home, REPORTS: reports, BUDGETS: budgets, ...settings };
  const child = spawn('env', [
    ...Object.entries(env).map((one) => one.join('=')),
    ...[process.execPath, 'bench/load/load.ts'],
  ]);
  const [stdout, shown] = [text(child.stdout), { stderr: '' }];
  child.stderr.on('data', (chunk) => {
    shown.stderr += chunk;
  });
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  /** Waits until it shows this. */
  const until = (words: RegExp) => expect.poll(() => shown.stderr, { timeout: 60_000 }).toMatch(words);
  return { child, shown, until, ended: async () => ({ code: await code, stdout: await stdout }) };
}

/** The report whose path was printed. */
function reportIn(stdout: string) {
  const [json = ''] = /^.*report\.json$/m.exec(stdout) ?? [];
  const html = json.replace(/json$/, 'html');
  expect(existsSync(html)).toBe(true);
  return { file: json, html, report: JSON.parse(readFileSync(json, 'utf8')) as Report };
}

describe('a load on a shop that runs', () => {
  let first = '';

  it('loses no call when an instance is killed, adds up, and is reported', async () => {
    const settings = { RATE: '50', DURATION: '10s', WARMUP: '10s', MIX: 'shop', SEED: '1' };
    const load = startLoad(settings);
    await load.until(/^4 of 10 s/m);
    expect(shop.kill('order-1')).toBe(true);
    const { code, stdout } = await load.ended();
    const { report, file, html } = reportIn(stdout);
    first = file;
    expect(report.all.failures).toEqual({});
    expect(report.invariants?.violations).toEqual([]);
    expect(report.failures).toEqual([]);
    expect(code).toBe(0);
    expect(report.schema).toBe('souk.load/1');
    // A Poisson process: 500 give or take four times its square root.
    expect(Math.abs(report.all.calls - 500)).toBeLessThan(90);
    expect(report.methods.reduce((sum, { calls }) => sum + calls, 0)).toBe(report.all.calls);
    expect(report.methods.map(({ method }) => method)).toEqual(
      expect.arrayContaining([
        'ListProducts',
        'GetProduct',
        'CreateOrder',
        'UpdateOrder',
        'CancelOrder',
        'Login',
      ]),
    );
    expect(report.invariants?.requests).toBeGreaterThan(10);
    expect(report.shop.started.map(({ name }) => name)).toContain('order-1');
    expect(report.environment).toMatchObject({
      mesh: 'sidecars',
      replicas: { user: 2, product: 2, order: 2 },
    });
    expect(readFileSync(html, 'utf8')).toContain('</html>');
    expect(stdout).toContain('all hold');
  });

  it('ends with a report of what was done at Ctrl-C, beside the one that it is compared with', async () => {
    const load = startLoad({ COMPARE: first, RATE: '20', DURATION: '60s', WARMUP: '0' });
    await load.until(/^3 of 60 s/m);
    load.child.kill('SIGINT');
    const { code, stdout } = await load.ended();
    const { report } = reportIn(stdout);
    expect(code).toBe(130);
    expect(report.interrupted).toBe(true);
    expect(report.seconds).toBeLessThan(10);
    expect(report.all.calls).toBeGreaterThan(20);
    expect(report.invariants?.violations).toEqual([]);
    // What was not said is as it was.
    expect(report.settings).toMatchObject({ mix: 'shop', seed: 1, rate: 20 });
    expect(stdout).toMatch(/all +calls\/s +[45]\d.*≠ changed/);
    expect(stdout).toContain('Not run alike: RATE was 50, is 20');
  });

  it('fails where the shop does not add up', async () => {
    const load = startLoad({ RATE: '20', DURATION: '5s', MIX: 'checkout', WARMUP: '0' });
    await load.until(/^2 of 5 s/m);
    const client = new pg.Client(shop.databaseUrl('product'));
    await client.connect();
    await client.query(
      'update stock set available = available - 1 where product_id = (select product_id from stock order by product_id limit 1)',
    );
    await client.end();
    const { code, stdout } = await load.ended();
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED: stock available \+ held \+ sold/);
  });

  it.each([
    [{ MIX: 'everything' }, 'MIX must be shop, browse, checkout or hot, not "everything"'],
    [{ PROFILE: 'wave', RATE: '-1' }, 'RATE must be'],
    [{ COMPARE: 'nowhere.json' }, "nowhere.json can't be read"],
    [{ BUDGETS: 'nowhere.json' }, "nowhere.json can't be used"],
    [{ REPORTS: 'package.json' }, 'name another folder by REPORTS'],
    [{ SOUK_HOME: join(home, 'empty') }, '"make up"'],
  ])('is not begun, and says why: %o', async (settings, message) => {
    const load = startLoad(settings);
    const { code } = await load.ended();
    expect(code).toBe(2);
    expect(load.shown.stderr).toContain(message);
    expect(load.shown.stderr).not.toContain(' at ');
  });
});
