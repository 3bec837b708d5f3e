import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Orders } from '../local/control.ts';
import { accessLogFile } from '../local/gateway.ts';
import type { Shop } from '../local/shop.ts';
import { createHistory, rounded } from './history.ts';
import type { Failure, Happening } from './messages.ts';
import { createSampler } from './sampler.ts';
import { serve } from './server.ts';
import { type Opinions, viewShop } from './shop-view.ts';
import { followFailures } from './sources/access-log.ts';
import { createStream } from './stream.ts';
import type { Traces } from './trace-list.ts';

/** What a dashboard shows and does. */
export interface DashboardOptions {
  readonly shop: Shop;
  /** On 127.0.0.1; 0 picks a free one. */
  readonly port: number;
  /** What its buttons can do. Absent: it has none. */
  readonly orders?: Orders | undefined;
  /** Where traces are looked up. Absent: there are none. */
  readonly traces?: Traces | undefined;
}

/** A running dashboard. */
export interface Dashboard {
  readonly port: number;
  /** Shows a line that the launcher logs. */
  log(line: string): void;
  close(): Promise<void>;
}

/** How often everything is asked, in milliseconds: while a page is open, and while none is. */
const interval = { watched: 1_000, unwatched: 2_000 };
/** A kill and what follows at once come in one message, this many milliseconds later. */
const gatherMs = 20;
/** The most of each kind of failure, and of the launcher's lines, that are kept. */
const kept = 100;

/** Serves the dashboard of a running shop. Rejects when the port is taken. */
export async function startDashboard({ shop, port, orders, traces }: DashboardOptions): Promise<Dashboard> {
  const token = randomBytes(24).toString('base64url');
  const history = createHistory();
  const stream = createStream();
  const sample = createSampler(shop);
  const failures = followFailures(accessLogFile(shop.paths));
  const faults: Failure[] = [];
  const refusals: Failure[] = [];
  const happenings: Happening[] = [];
  let opinions: Opinions = new Map();
  let shown = '';
  let gathering: NodeJS.Timeout | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const view = () =>
    viewShop(shop, opinions, { controls: orders !== undefined, traces: traces !== undefined });
  const showShop = () => {
    const now = view();
    const text = JSON.stringify(now);
    if (text !== shown) stream.send('shop', now);
    shown = text;
  };
  const tell = (line: string) => {
    keep(happenings, { time: Date.now(), line });
    stream.send('happenings', happenings);
  };
  const newestFailures = () => [...faults, ...refusals].sort((a, b) => b.time - a.time);

  const look = async () => {
    const taken = await sample();
    if (closed) return;
    history.add(taken.time, taken.values);
    opinions = taken.opinions;
    showShop();
    const values = Object.fromEntries([...taken.values].map(([name, value]) => [name, rounded(value)]));
    stream.send('moment', { time: taken.time, values });
    const more = failures.next();
    for (const one of more) keep(one.fault ? faults : refusals, one);
    if (more.length > 0) stream.send('failures', newestFailures());
  };
  let looking = false;
  let lookedAt = 0;
  const lookOn = async () => {
    looking = true;
    lookedAt = performance.now();
    try {
      await look();
    } catch (cause) {
      tell(`the dashboard could not look (${cause})`);
    }
    looking = false;
    lookSoon();
  };
  const lookSoon = () => {
    if (looking || closed) return;
    clearTimeout(timer);
    const pause = stream.pages > 0 ? interval.watched : interval.unwatched;
    timer = setTimeout(lookOn, Math.max(100, pause - (performance.now() - lookedAt)));
  };

  const stopWatching = shop.watch(() => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      showShop();
    }, gatherMs);
  });
  const server = await serve({
    port,
    token: orders && token,
    orders: orders ? shownAtOnce(orders, showShop) : {},
    traces,
    openStream(response: ServerResponse) {
      stream.open(response);
      stream.send('shop', view(), response);
      stream.send('history', history.read(), response);
      stream.send('failures', newestFailures(), response);
      stream.send('happenings', happenings, response);
      lookSoon();
    },
  });
  void lookOn();

  return {
    port: server.port,
    log: tell,
    async close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(gathering);
      stopWatching();
      stream.close();
      await server.close();
    },
  };
}

/** The same, and what has become of the shop is shown when one is done: not all of it changes the roster. */
function shownAtOnce(orders: Orders, show: () => void): Orders {
  return Object.fromEntries(
    Object.entries(orders).map(([name, order]) => [name, (what) => order(what).finally(show)]),
  );
}

function keep<One>(row: One[], one: One): void {
  row.unshift(one);
  row.length = Math.min(row.length, kept);
}
