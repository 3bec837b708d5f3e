import { expect, test } from 'vitest';
import { createSpanStore } from '../observability/span-store.ts';
import { listTraces } from './trace-list.ts';

const span = (traceId: string, name: string, startMs: number) => ({
  traceId,
  spanId: `${name}${startMs}`,
  parentSpanId: startMs === 0 ? '' : 'parent',
  name,
  kind: 'server' as const,
  service: 'order',
  instance: 'order-1',
  startMs,
  durationMs: 5,
  failed: false,
  attributes: {},
  links: [],
});

test('a trace is called by the method that it began with, if there is one', () => {
  const store = createSpanStore(10);
  store.add(span('a', 'ingress', 0));
  store.add(span('a', 'shop.product.v1.StockService/ReserveStock', 2));
  store.add(span('a', 'shop.order.v1.OrderService/CreateOrder', 1));
  store.add(span('b', 'housekeeping', 0));
  expect(listTraces(store).map(({ name }) => name)).toEqual([
    'housekeeping',
    'shop.order.v1.OrderService/CreateOrder',
  ]);
});
