import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followFailures, parseFailure } from './access-log.ts';

const line = (changes: object = {}) =>
  JSON.stringify({
    attempts: 2,
    duration_ms: 812,
    flags: 'URX,UC',
    grpc_status: 'Unavailable',
    listener: 'gateway',
    path: '/shop.order.v1.OrderService/CreateOrder',
    status: 200,
    time: '2026-11-22T13:18:25.323Z',
    traceparent: '00-0876da832e70e3ba8af783bb0b0b6db4-c1a07fea40867526-00',
    ...changes,
  });

const following = { path: '/shop.order.v1.OrderEventService/FollowEvents', grpc_status: 'Unknown' };

test('events that nobody can be followed at are a failure', () => {
  expect(parseFailure(line({ ...following, flags: 'UF,URX' }))).toMatchObject({ fault: true });
});

test('a failed call: when, which, how, and where its trace is', () => {
  expect(parseFailure(line())).toEqual({
    time: Date.parse('2026-11-22T13:18:26.135Z'),
    where: 'gateway',
    method: 'shop.order.v1.OrderService/CreateOrder',
    status: 'UNAVAILABLE',
    fault: true,
    flags: 'URX,UC',
    durationMs: 812,
    attempts: 2,
    traceId: '0876da832e70e3ba8af783bb0b0b6db4',
  });
});

test.each([
  ['that succeeded', { grpc_status: 'OK', flags: '-' }],
  ['by HTTP that succeeded', { grpc_status: null, flags: '-' }],
  ['whose caller went away', { grpc_status: null, flags: 'DR', status: 0 }],
  ['whose caller was killed', { grpc_status: 'Unknown', flags: 'DC' }],
  ["that the caller's own line tells of", { listener: 'order-1 in' }],
  ['that followed events of an instance that was killed', { ...following, flags: 'UR' }],
])('a call %s is no failure', (_, changes) => {
  expect(parseFailure(line(changes))).toBeUndefined();
});

test('a refusal is told from a fault', () => {
  const isFaultOf = (changes: object) => parseFailure(line({ flags: '-', ...changes }))?.fault;
  expect(isFaultOf({ grpc_status: 'NotFound' })).toBe(false);
  expect(isFaultOf({ grpc_status: 'FailedPrecondition' })).toBe(false);
  expect(isFaultOf({ grpc_status: 'DeadlineExceeded' })).toBe(true);
  expect(isFaultOf({ grpc_status: null, status: 404 })).toBe(false);
  expect(isFaultOf({ grpc_status: null, status: 503 })).toBe(true);
});

test('a line that is none is passed over', () => {
  expect(parseFailure('{"attempts":1,')).toBeUndefined();
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-access-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a log is followed from its end, over halves of lines and a new file', () => {
  const file = join(folder, 'access.log');
  writeFileSync(file, `${line()}\n`);
  const failures = followFailures(file);
  expect(failures.next()).toEqual([]);
  const second = line({ listener: 'second' });
  appendFileSync(file, second.slice(0, 40));
  expect(failures.next()).toEqual([]);
  appendFileSync(file, `${second.slice(40)}\n`);
  expect(failures.next()).toMatchObject([{ where: 'second' }]);
  renameSync(file, `${file}.1`);
  expect(failures.next()).toEqual([]);
  writeFileSync(file, `${line({ listener: 'third' })}\n`);
  expect(failures.next()).toMatchObject([{ where: 'third' }]);
});
