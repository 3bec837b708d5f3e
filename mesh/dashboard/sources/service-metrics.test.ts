import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { gauge, histogram } from '../../../platform/telemetry/instruments.ts';
import { METRICS } from '../../../platform/telemetry/names.ts';
import { size } from './histogram.ts';
import { callsOf, growthOf, parseInstance } from './service-metrics.ts';

const CREATE = 'shop.order.v1.OrderService/CreateOrder';

/** What an order service could say, by the instruments that services have. */
function instance() {
  const registry = new Registry();
  const calls = histogram(registry, METRICS.rpcServerCalls);
  const ended = histogram(registry, METRICS.transactionsEnded);
  gauge(registry, METRICS.transactionsInFlight, function () {
    this.labels('create-order', 'RUNNING').set(3);
  });
  gauge(registry, METRICS.transactionsOldest, function () {
    this.set(1.5);
  });
  gauge(registry, METRICS.eventLag, function () {
    this.labels('product').set(12);
  });
  return {
    call: (status: string, seconds: number) => calls.labels('grpc', CREATE, status).observe(seconds),
    end: (outcome: string) => ended.labels('create-order', outcome).observe(0.1),
    read: async () => parseInstance(await registry.metrics()),
  };
}

test('calls of a method are told by their status, with their latencies together', async () => {
  const { call, read } = instance();
  call('OK', 0.004);
  const before = await read();
  call('OK', 0.004);
  call('OK', 0.2);
  call('UNAVAILABLE', 0.7);
  call('NOT_FOUND', 0.004);
  const calls = callsOf('method', [growthOf(before, await read())]).get(CREATE);
  expect(calls).toMatchObject({ ended: 4, failed: 1, refused: 1 });
  expect(calls?.latencies).toEqual(
    new Map([
      [2.5, { width: 2.5, count: 2 }],
      [100, { width: 150, count: 1 }],
      [500, { width: 250, count: 1 }],
    ]),
  );
});

test('several instances are one, and what an instance said before it was first asked is not counted', async () => {
  const [first, second] = [instance(), instance()];
  const before = [await first.read(), await second.read()];
  first.call('OK', 0.01);
  second.call('OK', 0.01);
  const third = instance();
  third.call('OK', 0.01);
  const growths = [
    growthOf(before[0], await first.read()),
    growthOf(before[1], await second.read()),
    growthOf(undefined, await third.read()),
  ];
  const calls = callsOf('method', growths).get(CREATE);
  expect(calls?.ended).toBe(2);
  expect(size(calls?.latencies ?? new Map())).toBe(2);
});

test('transactions and events: what is in flight, how it ended, who lags', async () => {
  const { end, read } = instance();
  const before = await read();
  end('committed');
  end('committed');
  end('rolled_back');
  const now = await read();
  expect(Object.fromEntries(now.gauges)).toEqual({
    'transactions|create-order RUNNING': 3,
    'transactions|oldest': 1.5,
    'lag|product|events': 12,
  });
  expect(Object.fromEntries(growthOf(before, now).counters)).toEqual({
    'committed|create-order': 2,
    'rolled back|create-order': 1,
  });
});
