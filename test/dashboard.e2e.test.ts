import { get } from 'node:http';
import { expect, inject, test } from 'vitest';
import type { Messages } from '../mesh/dashboard/messages.ts';
import { clientsOf } from './clients.ts';

const dashboardUrl = inject('dashboardUrl');

/** Reads the events of the stream until `enough` says so, for 10 s at most. */
function follow(enough: (received: [string, unknown][]) => boolean): Promise<[string, unknown][]> {
  return new Promise((resolve, reject) => {
    const received: [string, unknown][] = [];
    let text = '';
    const request = get(`${dashboardUrl}/stream`, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const events = (text + chunk).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) {
          const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
          if (name && data) received.push([name, JSON.parse(data)]);
        }
        if (!enough(received)) return;
        resolve(received);
        request.destroy();
      });
    });
    request.setTimeout(10_000, () => request.destroy(new Error('the stream is silent')));
    request.on('error', reject);
  });
}

const of = <Name extends keyof Messages>(
  received: readonly [string, unknown][],
  name: Name,
): Messages[Name][] => received.flatMap(([each, data]) => (each === name ? [data as Messages[Name]] : []));

test('a page that opens is told what runs and what was, and from then on what is', async () => {
  const { products } = clientsOf(inject('gatewayUrl'));
  const callOn = setInterval(() => void products.listProducts({ pageSize: 1 }).catch(() => {}), 50);
  // Consumers' lags are known some seconds after a start.
  const isWhole = ({ values }: Messages['moment']) =>
    (values['edge|gateway>product|rate'] ?? 0) > 0 && values['lag|user>order|events'] !== undefined;
  const received = await follow((all) => of(all, 'moment').some(isWhole)).finally(() =>
    clearInterval(callOn),
  );
  expect(received.slice(0, 4).map(([name]) => name)).toEqual(['shop', 'history', 'failures', 'happenings']);

  const [shop] = of(received, 'shop');
  expect(shop).toMatchObject({ mesh: 'sidecars', controls: true });
  expect(shop?.parts.map(({ name, up }) => [name, up])).toEqual([
    ['gateway', true],
    ['postgres', true],
  ]);
  expect(shop?.instances).toHaveLength(6);
  for (const one of shop?.instances ?? []) expect(one).toMatchObject({ state: 'serving', share: 0.5 });

  const moment = of(received, 'moment').at(-1);
  expect(moment?.values).toMatchObject({
    'edge|gateway>product|failed': 0,
    'edge|clients>gateway|rate': expect.any(Number),
    'service|product|p99': expect.any(Number),
    'service|product|open': 0,
    'service|product|ejected': 0,
    'transactions|oldest|value': expect.any(Number),
    'lag|user>order|events': expect.any(Number),
    'process|order-1|memory': expect.any(Number),
    'process|postgres|cpu': expect.any(Number),
  });
  expect(moment?.values['edge|gateway>product|p50']).toBeLessThan(5_000);
});

test('the page itself is served', async () => {
  const page = await fetch(dashboardUrl);
  expect(page.headers.get('content-type')).toMatch('text/html');
  expect(await page.text()).toContain('<title>Souk');
});
