import { expect, test } from 'vitest';
import { parseClusters, parseStats, statsPath } from './envoy-stats.ts';

/** As Envoy 1.40 wrote it. */
const text = `cluster.order.circuit_breakers.default.rq_open: 0
cluster.order.grpc.0: 417
cluster.order.grpc.14: 3
cluster.order.membership_total: 2
cluster.order.version_text: ""
http.gateway.http_local_rate_limit.rate_limited: 5
cluster.order.upstream_rq_time:
  totals=3,0.1:1, 38,1:2, 110,10:5
  intervals=38,1:1
  summary=P0(nan,38.5) P100(nan,114)
http.gateway.downstream_rq_time:
  totals=
  intervals=
  summary=P0(nan,nan)
`;

test('counters and gauges are read, texts are not', () => {
  const { values } = parseStats(text);
  expect(Object.fromEntries(values)).toEqual({
    'cluster.order.circuit_breakers.default.rq_open': 0,
    'cluster.order.grpc.0': 417,
    'cluster.order.grpc.14': 3,
    'cluster.order.membership_total': 2,
    'http.gateway.http_local_rate_limit.rate_limited': 5,
  });
});

test('histograms are read since the start, bucket by bucket', () => {
  const { histograms } = parseStats(text);
  expect(histograms.get('cluster.order.upstream_rq_time')).toEqual(
    new Map([
      [3, { width: 0.1, count: 1 }],
      [38, { width: 1, count: 2 }],
      [110, { width: 10, count: 5 }],
    ]),
  );
  expect(histograms.get('http.gateway.downstream_rq_time')).toEqual(new Map());
});

test('only what is shown is asked for', () => {
  const filter = new RegExp(
    new URL(statsPath(['order', 'user']), 'http://x').searchParams.get('filter') ?? '',
  );
  const names = [...text.matchAll(/^[\w.]+/gm)].map(([name]) => name);
  expect(names.filter((name) => filter.test(name))).toEqual(
    names.filter((name) => name !== 'cluster.order.version_text'),
  );
  expect(filter.test('cluster.order.upstream_cx_total')).toBe(false);
});

test('who is taken out, and why', () => {
  const host = (port_value: number, health_status: object) => ({
    address: { socket_address: { address: '127.0.0.1', port_value } },
    health_status: { eds_health_status: 'HEALTHY', ...health_status },
  });
  const answer = {
    cluster_statuses: [
      {
        name: 'order',
        host_statuses: [
          host(1, {}),
          host(2, { failed_outlier_check: true }),
          host(3, { failed_active_health_check: true }),
        ],
      },
      { name: 'any' },
    ],
  };
  expect(parseClusters(JSON.stringify(answer))).toEqual([
    { address: '127.0.0.1:1', cluster: 'order', ejected: false, unhealthy: false },
    { address: '127.0.0.1:2', cluster: 'order', ejected: true, unhealthy: false },
    { address: '127.0.0.1:3', cluster: 'order', ejected: false, unhealthy: true },
  ]);
});
