import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Orders } from '../local/control.ts';
import { loopback } from '../local/free-port.ts';
import { createAssets } from './assets.ts';
import { refuseOrder, refuseStrangers } from './guard.ts';
import { listTraces, type Traces } from './trace-list.ts';

/** What is served. */
export interface ServerOptions {
  readonly port: number;
  /** The page's, for orders. Absent: none are taken. */
  readonly token: string | undefined;
  readonly orders: Orders;
  readonly traces: Traces | undefined;
  openStream(response: ServerResponse): void;
}

/** What the page may give as orders; restart, canary and the like are for the command line. */
const orderNames = ['kill', 'drain', 'undrain', 'pause', 'resume', 'scale'];
const longestOrderBytes = 1_024;

/** What every answer says: nothing but our own files runs on the page, and no other page shows or reads it. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
};

/** Serves page, stream, orders and traces on 127.0.0.1. Rejects when the port is taken. */
export async function serve(options: ServerOptions): Promise<{ port: number; close(): Promise<void> }> {
  const assets = createAssets(options.token ?? '');
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const refusal = refuseStrangers(request);
    if (refusal) return end(response, refusal.status, { text: refusal.reason });
    const { pathname } = new URL(request.url ?? '/', 'http://dashboard');
    if (pathname.startsWith('/orders/')) {
      void takeOrder(pathname.slice('/orders/'.length), request, response, options);
      return;
    }
    if (request.method !== 'GET') return end(response, 405, { text: 'only GET' });
    if (pathname === '/stream') return options.openStream(response);
    if (pathname === '/traces') return end(response, 200, options.traces ? listTraces(options.traces) : []);
    const trace = /^\/traces\/([0-9a-f]{32})$/.exec(pathname)?.[1];
    if (trace) return end(response, 200, options.traces?.trace(trace) ?? []);
    const asset = assets(pathname);
    if (!asset) return end(response, 404, { text: 'there is no such page' });
    response.writeHead(200, { 'content-type': asset.type }).end(asset.content);
  });
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(options.port, loopback, resolve),
  );
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function takeOrder(
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
  { token, orders }: ServerOptions,
): Promise<void> {
  if (token === undefined) return end(response, 403, { text: 'this launcher takes no orders from a page' });
  const refusal = refuseOrder(request, token);
  if (refusal) return end(response, refusal.status, { text: refusal.reason });
  const order = orderNames.includes(name) ? orders[name] : undefined;
  if (!order) return end(response, 404, { text: 'there is no such order' });
  try {
    if (Number(request.headers['content-length'] ?? longestOrderBytes + 1) > longestOrderBytes)
      return end(response, 400, { text: 'an order is short' });
    end(response, 200, { text: await order(parseOrder(await text(request))) });
  } catch (cause) {
    end(response, 400, { text: cause instanceof Error ? cause.message : String(cause) });
  }
}

/** An object of strings. */
function parseOrder(body: string): Record<string, string> {
  const given: unknown = JSON.parse(body);
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (!isObject || !Object.values(given).every((value) => typeof value === 'string'))
    throw new Error('an order is a JSON object of strings');
  return given as Record<string, string>;
}

function end(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
