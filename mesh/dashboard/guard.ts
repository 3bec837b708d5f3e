import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 400 | 403 | 405 | 415 | 421;
  readonly reason: string;
}

/**
 * Checks that a request comes from the dashboard's own page, or from a person who opens it. The page of another site
 * could otherwise read or call it through the browser of whoever runs the shop: directly, or by a name that it makes
 * resolve to 127.0.0.1.
 */
export function refuseStrangers(request: IncomingMessage): Refusal | undefined {
  const { host = '', origin, 'sec-fetch-site': site } = request.headers;
  const port = request.socket.localPort;
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!own.includes(host))
    return { status: 421, reason: `this is ${own[0]}, not the host that was asked for` };
  if (origin !== undefined && origin !== `http://${host}`)
    return { status: 403, reason: 'not for pages of other sites' };
  // A link on another site may open the page; nothing there may read it, or load a part.
  const opened = request.headers['sec-fetch-mode'] === 'navigate' && request.method === 'GET';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !opened)
    return { status: 403, reason: 'not for pages of other sites' };
  return undefined;
}

/**
 * Checks further that an order was given by the page of this very start. A form of another site can't send JSON, nor
 * a header of its own, nor does it know the token.
 */
export function refuseOrder(request: IncomingMessage, token: string): Refusal | undefined {
  if (request.method !== 'POST') return { status: 405, reason: 'orders are given by POST' };
  if (request.headers.origin === undefined) return { status: 403, reason: 'an order needs an Origin header' };
  if (request.headers['content-type'] !== 'application/json')
    return { status: 415, reason: 'an order is application/json' };
  const given = Buffer.from(String(request.headers['x-souk-token'] ?? ''));
  const wanted = Buffer.from(token);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    return { status: 403, reason: 'the shop was started anew: reload the page' };
  return undefined;
}
