import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExportTraceServiceRequestSchema } from '../generated/otlp/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import { Span_SpanKind, Status_StatusCode } from '../generated/otlp/opentelemetry/proto/trace/v1/trace_pb.js';
import { type Receiver, startReceiver } from './receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver({ capacity: 20 });
});
afterAll(() => receiver.close());

const text = (value: string) => ({ value: { case: 'stringValue' as const, value } });
const bytes = (...hex: string[]) => Buffer.from(hex.join(''), 'hex');
let spanNumber = 0;

function bodyOf(traceId: string, names: readonly string[], failed = false) {
  const spans = names.map((name, i) => ({
    traceId: bytes(traceId),
    spanId: bytes((++spanNumber).toString(16).padStart(16, '0')),
    parentSpanId: i === 0 ? bytes() : bytes((spanNumber - 1).toString(16).padStart(16, '0')),
    name,
    kind: Span_SpanKind.SERVER,
    startTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(i) * 1_000_000n,
    endTimeUnixNano: 1_700_000_000_010_000_000n,
    status: { code: failed ? Status_StatusCode.ERROR : Status_StatusCode.UNSET },
    attributes: [
      { key: 'rpc.method', value: text('GetProduct') },
      { key: 'n', value: { value: { case: 'intValue' as const, value: 7n } } },
      { key: 'list', value: { value: { case: 'arrayValue' as const, value: { values: [text('a')] } } } },
    ],
  }));
  const attributes = [
    { key: 'service.name', value: text('product') },
    { key: 'service.instance.id', value: text('product-1') },
  ];
  const request = create(ExportTraceServiceRequestSchema, {
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }],
  });
  return toBinary(ExportTraceServiceRequestSchema, request);
}

async function post(body: Uint8Array, path = '/v1/traces', headers: Record<string, string> = {}) {
  const response = await fetch(receiver.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', ...headers },
    body: Buffer.from(body),
  });
  return response.status;
}
const trace = (n: number) => n.toString(16).padStart(32, '0');

test('spans are kept as plain objects, and found by their trace', async () => {
  expect(await post(bodyOf(trace(1), ['outer', 'inner'], true))).toBe(200);
  const [outer, inner] = receiver.spans.trace(trace(1));
  expect(outer).toEqual({
    traceId: trace(1),
    spanId: '0000000000000001',
    parentSpanId: '',
    name: 'outer',
    kind: 'server',
    service: 'product',
    instance: 'product-1',
    startMs: 1_700_000_000_000,
    durationMs: 10,
    failed: true,
    attributes: { 'rpc.method': 'GetProduct', n: 7, list: '["a"]' },
    links: [],
  });
  expect(inner).toMatchObject({ parentSpanId: outer?.spanId, startMs: 1_700_000_000_001, durationMs: 9 });
  expect(receiver.spans.recent({ failed: true })).toEqual([
    {
      traceId: trace(1),
      name: 'outer',
      service: 'product',
      startMs: 1_700_000_000_000,
      durationMs: 10,
      failed: true,
      spans: 2,
    },
  ]);
});

test('bodies may be packed', async () => {
  const body = gzipSync(bodyOf(trace(2), ['packed']));
  expect(await post(body, '/v1/traces', { 'content-encoding': 'gzip' })).toBe(200);
  expect(receiver.spans.recent({ limit: 1 })).toMatchObject([{ traceId: trace(2), failed: false }]);
});

test('the oldest traces are forgotten', async () => {
  for (let n = 10; n < 40; n++) await post(bodyOf(trace(n), ['a', 'b']));
  expect(receiver.spans.size).toBe(20);
  expect(receiver.spans.trace(trace(29))).toEqual([]);
  expect(receiver.spans.trace(trace(30))).toHaveLength(2);
});

test('metrics and logs that nobody takes are accepted', async () => {
  expect(await post(new Uint8Array(), '/v1/metrics')).toBe(200);
  expect(await post(new Uint8Array(), '/v1/logs')).toBe(200);
});

test.each<[string, number, Uint8Array, string, Record<string, string>]>([
  ['no Protobuf', 400, Buffer.from('hello'), '/v1/traces', {}],
  ['no gzip', 400, Buffer.from('hello'), '/v1/traces', { 'content-encoding': 'gzip' }],
  ['a bomb', 400, gzipSync(Buffer.alloc(5 << 20)), '/v1/traces', { 'content-encoding': 'gzip' }],
  ['too much', 413, Buffer.alloc(5 << 20), '/v1/traces', {}],
  ['another type', 415, new Uint8Array(), '/v1/traces', { 'content-type': 'application/json' }],
  ['another path', 404, new Uint8Array(), '/', {}],
])('%s is refused', async (_, status, body, path, headers) => {
  expect(await post(body, path, headers)).toBe(status);
});
