import { expect, test } from 'vitest';
import { edgesOf } from './edges.ts';
import type { EnvoyStats } from './envoy-stats.ts';

const stats = (values: Record<string, number>, took: [number, number][] = []): EnvoyStats => ({
  values: new Map(
    Object.entries(values).map(([name, value]) => [name.replace(/^(?!http)/, 'cluster.order.'), value]),
  ),
  histograms: new Map([
    ['cluster.order.upstream_rq_time', new Map(took.map(([lower, count]) => [lower, { width: 1, count }]))],
  ]),
});
const before = stats({ membership_total: 2, 'grpc.0': 10, 'grpc.14': 1 }, [[5, 11]]);

test('an edge counts what ended since: failures of the shop apart from refusals', () => {
  const now = stats({ membership_total: 2, 'grpc.0': 110, 'grpc.14': 3, 'grpc.5': 4, upstream_rq_retry: 6 }, [
    [5, 111],
    [9, 6],
  ]);
  const edge = edgesOf([{ caller: 'gateway', before, now }], ['order', 'user']).get('gateway>order');
  expect(edge).toMatchObject({ ended: 106, failed: 2, refused: 4, retries: 6, open: 0, ejected: 0 });
  expect(edge?.latencies.get(5)?.count).toBe(100);
});

test('a service that an Envoy has no cluster of is no edge', () => {
  const edges = edgesOf([{ caller: 'gateway', before, now: before }], ['order', 'user']);
  expect([...edges.keys()]).toEqual(['gateway>order', 'clients>gateway']);
});

test('Envoys of one caller are one edge: an instance that two have ejected is one', () => {
  const now = stats({
    membership_total: 2,
    'grpc.0': 15,
    'grpc.14': 1,
    'outlier_detection.ejections_active': 1,
    'circuit_breakers.default.rq_open': 1,
    upstream_rq_pending_overflow: 7,
  });
  const edges = edgesOf(
    [
      { caller: 'user', before, now },
      { caller: 'user', before, now },
    ],
    ['order'],
  );
  expect(edges.get('user>order')).toMatchObject({ ended: 10, ejected: 1, open: 2, overflowed: 14 });
});

test('calls that the rate limit turned away are refused at the gateway', () => {
  const now = stats({
    membership_total: 2,
    'grpc.0': 20,
    'grpc.14': 1,
    'http.gateway.http_local_rate_limit.rate_limited': 3,
  });
  expect(edgesOf([{ caller: 'gateway', before, now }], ['order']).get('clients>gateway')).toMatchObject({
    ended: 13,
    refused: 3,
    failed: 0,
  });
});

test('an Envoy that started anew counts from nothing, and at first sight nothing is known', () => {
  const now = stats({ membership_total: 2, 'grpc.0': 4 });
  const ended = (reading: EnvoyStats | undefined) =>
    edgesOf([{ caller: 'gateway', before: reading, now }], ['order']).get('gateway>order')?.ended;
  expect(ended(before)).toBe(4);
  expect(ended(undefined)).toBe(0);
});

test('a stream that lasted says nothing about how long calls take', () => {
  const now = stats({ membership_total: 2, 'grpc.0': 12, 'grpc.14': 1 }, [
    [5, 12],
    [90_000, 1],
  ]);
  const edge = edgesOf([{ caller: 'gateway', before, now }], ['order']).get('gateway>order');
  expect([...(edge?.latencies.keys() ?? [])]).toEqual([5]);
});
