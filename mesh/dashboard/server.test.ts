import { type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from './server.ts';

const given: Record<string, string>[] = [];
let server: Awaited<ReturnType<typeof serve>>;
let readOnly: Awaited<ReturnType<typeof serve>>;
const options = {
  port: 0,
  token: 'the-token',
  orders: {
    kill: async (what: Readonly<Record<string, string>>) => {
      given.push({ ...what });
      return 'killed';
    },
    promote: async () => 'promoted',
  },
  traces: undefined,
  openStream: () => {},
};
beforeAll(async () => {
  server = await serve(options);
  readOnly = await serve({ ...options, token: undefined });
});
afterAll(async () => {
  await server.close();
  await readOnly.close();
});

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: string;
  readonly port?: number;
}

function call({ method = 'GET', path = '/', headers = {}, body, port = server.port }: Call) {
  const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  return new Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port, method, path, headers: sent as never },
        (answer) => {
          text(answer).then(
            (body) => resolve({ status: answer.statusCode, headers: answer.headers, body }),
            reject,
          );
        },
      );
      outgoing.on('error', reject).end(body);
    },
  );
}

/** An order as the page gives it, but for what is changed. */
const order = (
  changes: Record<string, string | undefined> = {},
  body = '{"instance":"order-1"}',
  port = server.port,
) =>
  call({
    method: 'POST',
    path: '/orders/kill',
    body,
    port,
    headers: {
      origin: `http://127.0.0.1:${port}`,
      'content-type': 'application/json',
      'content-length': String(body.length),
      'x-souk-token': 'the-token',
      'sec-fetch-site': 'same-origin',
      ...changes,
    },
  });

test('the page has a strict policy, and cannot be framed or read by others', async () => {
  const { status, headers, body } = await call({});
  expect(status).toBe(200);
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(headers).toMatchObject({
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  });
  expect(headers).not.toHaveProperty('access-control-allow-origin');
  expect(body).toContain('content="the-token"');
  // Neither scripts nor styles within the page.
  expect(body).not.toMatch(/<script(?![^>]*\bsrc=)|<style| style=| on\w+=/);
});

test('nothing but the files of the page is served', async () => {
  for (const path of ['/../guard.ts', '/%2e%2e/guard.ts', '/tsconfig.json', '/server.ts', '/nothing'])
    expect((await call({ path })).status).toBe(404);
  expect((await call({ path: '/main.js' })).headers['content-type']).toMatch(/javascript/);
  expect((await call({ path: '/uplot.js' })).status).toBe(200);
});

test('an order of the page is carried out', async () => {
  expect(await order()).toMatchObject({ status: 200, body: '{"text":"killed"}' });
  expect(given).toEqual([{ instance: 'order-1' }]);
  given.length = 0;
});

test.each<[string, Record<string, string | undefined>, number]>([
  ['another site', { origin: 'https://evil.example' }, 403],
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
  ['a page without an origin', { origin: 'null' }, 403],
  ['a program that tells no origin', { origin: undefined }, 403],
  ['a page that the browser calls foreign', { 'sec-fetch-site': 'cross-site' }, 403],
  [
    'a name that was made to resolve to this machine',
    { host: 'evil.example:80', origin: 'http://evil.example:80' },
    421,
  ],
  ['a form', { 'content-type': 'text/plain' }, 415],
  ['a page without the token', { 'x-souk-token': undefined }, 403],
  ['a page of an earlier start', { 'x-souk-token': 'the-tokem' }, 403],
])('an order of %s is refused', async (_, changes, status) => {
  expect((await order(changes)).status).toBe(status);
  expect(given).toEqual([]);
});

test('orders are short objects of strings, by POST, and only those that the page has buttons for', async () => {
  expect((await order({}, '[]')).status).toBe(400);
  expect((await order({}, '{"instance":{}}')).status).toBe(400);
  expect((await order({}, `{"instance":"${'x'.repeat(2_000)}"}`)).status).toBe(400);
  expect((await call({ path: '/orders/kill' })).status).toBe(405);
  const promote = { method: 'POST', path: '/orders/promote', body: '{}' };
  const headers = {
    origin: `http://127.0.0.1:${server.port}`,
    'content-type': 'application/json',
    'x-souk-token': 'the-token',
  };
  expect((await call({ ...promote, headers })).status).toBe(404);
  expect(given).toEqual([]);
});

test('page, stream and traces are not for other sites, nor under other names', async () => {
  for (const path of ['/', '/stream', '/traces', '/main.js']) {
    expect((await call({ path, headers: { host: 'evil.example' } })).status).toBe(421);
    expect((await call({ path, headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await call({ path, headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
  }
  // A link on another site may open the page.
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
  expect((await call({ headers: link })).status).toBe(200);
});

test('without development mode there are no orders, and no token', async () => {
  expect((await order({ 'x-souk-token': '' }, '{}', readOnly.port)).status).toBe(403);
  expect((await call({ port: readOnly.port })).body).toContain('name="souk-token" content=""');
  expect(given).toEqual([]);
});
