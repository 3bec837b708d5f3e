import { expect, test } from 'vitest';
import { childSpan, formatTraceparent, parseTraceparent } from './trace.ts';

const header = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a traceparent survives parsing and formatting', () => {
  const trace = parseTraceparent(header);
  expect(trace).toEqual({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    sampled: true,
  });
  expect(trace && formatTraceparent(trace)).toBe(header);
});

test.each([
  '',
  'x',
  header.toUpperCase(),
  `${header}-extra`,
  header.replace('00-4', 'ff-4'),
  header.slice(1),
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
])('%j is no traceparent', (bad) => {
  expect(parseTraceparent(bad)).toBeUndefined();
});

test('a later version may carry more fields', () => {
  expect(parseTraceparent(`01${header.slice(2)}-more`)?.sampled).toBe(true);
});

test('a child keeps the trace and has its own span; without a parent a trace begins', () => {
  const parent = parseTraceparent(header);
  const child = childSpan(parent);
  expect(child).toMatchObject({ traceId: parent?.traceId, sampled: true });
  expect(child.spanId).not.toBe(parent?.spanId);
  expect(parseTraceparent(formatTraceparent(childSpan(undefined)))?.sampled).toBe(false);
});
