import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { expect, test } from 'vitest';
import { ATTRIBUTES, labelName, METRICS, prometheusName } from './names.ts';

const known = new Set<string>(Object.values(conventions).filter((value) => typeof value === 'string'));
const OWN = /^(souk|postgresql)\./;

test('what is not ours is named by the semantic conventions', () => {
  const names = [...Object.values(ATTRIBUTES), ...Object.values(METRICS).map(({ name }) => name)];
  expect(names.filter((name) => !OWN.test(name) && !known.has(name))).toEqual([]);
});

test('no two are called alike on /metrics', () => {
  const metrics = Object.values(METRICS).map(prometheusName);
  const labels = Object.values(ATTRIBUTES).map(labelName);
  expect(new Set(metrics).size).toBe(metrics.length);
  expect(new Set(labels).size).toBe(labels.length);
  expect(prometheusName(METRICS.rpcServerCalls)).toBe('rpc_server_call_duration_seconds');
  expect(prometheusName(METRICS.eventsPublished)).toBe('messaging_client_sent_messages_total');
});
