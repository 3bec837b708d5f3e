import { afterEach, expect, test } from 'vitest';
import { samplingOf } from './sampling.ts';
import { childSpan, formatTraceparent, maySample, parseTraceparent, setSampling } from './trace.ts';

afterEach(() => setSampling({ ratio: 0, parentBased: true }));

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

test.each([
  ['01', true],
  ['00', false],
  ['0b', true],
  ['0a', false],
])('a glance at the flags %s tells whether it may be sampled', (flags, sampled) => {
  const sent = header.replace(/01$/, flags);
  expect(maySample(sent)).toBe(sampled);
  expect(parseTraceparent(sent)?.sampled).toBe(sampled);
});

test.each([
  ['always_on', 1, 1],
  ['parentbased_always_on', 1, 0],
  ['parentbased_always_off', 0, 0],
  ['parentbased_traceidratio', 0.1, 0],
  ['traceidratio', 0.1, 0.1],
])('%s samples what begins here, and what began elsewhere', (sampler, own, others) => {
  setSampling(samplingOf(sampler, 0.1));
  const share = (parent?: string) => {
    const [parsed, runs] = [parseTraceparent(parent), 5_000];
    const of = (i: number) =>
      parsed && { ...parsed, traceId: i.toString(16).padStart(8, '0') + randomTail(i) };
    return Array.from({ length: runs }, (_, i) => childSpan(of(i)).sampled).filter(Boolean).length / runs;
  };
  expect(share()).toBeCloseTo(own, 1);
  expect(share(header.replace(/01$/, '00'))).toBeCloseTo(others, 1);
});

const randomTail = (i: number) =>
  (BigInt(i) * 0x9e3779b97f4a7c15f39cc0605cedc835n).toString(16).slice(-24).padStart(24, '0');
