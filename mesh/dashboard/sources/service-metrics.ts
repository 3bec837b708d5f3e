import {
  ATTRIBUTES,
  labelName,
  METRICS,
  type MetricSpec,
  prometheusName,
} from '../../../platform/telemetry/names.ts';
import type { Calls } from './calls.ts';
import { growth } from './counters.ts';
import { type Bucket, type Histogram, merged, since } from './histogram.ts';
import { type Sample, samplesOf } from './prometheus-text.ts';
import { outcomeOf } from './status.ts';

/** What an instance's /metrics says, counted since it started. */
export interface InstanceMetrics {
  /** Counters, by a name of our own: see `readings`. */
  readonly counters: ReadonlyMap<string, number>;
  /** In milliseconds, by the same. */
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** What is the case for the whole service, as each of its instances says. */
  readonly gauges: ReadonlyMap<string, number>;
}

const label = (attribute: string) => (sample: Sample) => sample.labels[labelName(attribute)] ?? '';
const method = label(ATTRIBUTES.rpcMethod);
const status = label(ATTRIBUTES.rpcStatus);
const kind = label(ATTRIBUTES.transactionKind);
const outcome = label(ATTRIBUTES.transactionOutcome);
const state = label(ATTRIBUTES.transactionState);
const publisher = label(ATTRIBUTES.messagingDestination);
const consumer = label(ATTRIBUTES.messagingConsumer);
const database = label(ATTRIBUTES.dbNamespace);
const error = label(ATTRIBUTES.errorType);

/** The metrics that are read, and by which names their samples are kept; several of one name are added up. */
const readings: readonly {
  readonly metric: MetricSpec;
  readonly as: 'bucket' | 'count' | 'value';
  readonly name: (sample: Sample) => string;
}[] = [
  { metric: METRICS.rpcServerCalls, as: 'count', name: (one) => `method|${method(one)}|${status(one)}` },
  { metric: METRICS.rpcServerCalls, as: 'bucket', name: (one) => `method|${method(one)}` },
  {
    metric: METRICS.dbOperations,
    as: 'count',
    name: (one) => `database|${database(one)}|${error(one) ? 'UNKNOWN' : 'OK'}`,
  },
  { metric: METRICS.dbOperations, as: 'bucket', name: (one) => `database|${database(one)}` },
  {
    metric: METRICS.transactionsEnded,
    as: 'count',
    name: (one) => `${outcome(one).replace('_', ' ')}|${kind(one)}`,
  },
  {
    metric: METRICS.transactionsInFlight,
    as: 'value',
    name: (one) => `transactions|${kind(one)} ${state(one)}`,
  },
  { metric: METRICS.transactionsOldest, as: 'value', name: () => 'transactions|oldest' },
  { metric: METRICS.eventLag, as: 'value', name: (one) => `lag|${consumer(one)}|events` },
  { metric: METRICS.eventLagAge, as: 'value', name: (one) => `lag|${consumer(one)}|seconds` },
  { metric: METRICS.eventDelivery, as: 'bucket', name: (one) => `delivery|${publisher(one)}` },
];
const suffix = { bucket: '_bucket', count: '_count', value: '' };
const byName = new Map(
  readings.map((reading) => [prometheusName(reading.metric) + suffix[reading.as], reading]),
);
const parse = samplesOf([...byName.keys()]);

/** Reads an instance's /metrics. */
export function parseInstance(text: string): InstanceMetrics {
  const counters = new Map<string, number>();
  const gauges = new Map<string, number>();
  const bounds = new Map<string, Map<number, number>>();
  for (const sample of parse(text)) {
    const reading = byName.get(sample.name);
    if (!reading) continue;
    const name = reading.name(sample);
    if (reading.as === 'value') gauges.set(name, sample.value);
    else if (reading.as === 'count') counters.set(name, sample.value + (counters.get(name) ?? 0));
    else {
      const row = bounds.get(name) ?? new Map<number, number>();
      if (row.size === 0) bounds.set(name, row);
      const bound = Number(sample.labels.le?.replace('+Inf', 'Infinity')) * 1000;
      row.set(bound, sample.value + (row.get(bound) ?? 0));
    }
  }
  const histograms = new Map([...bounds].map(([name, row]) => [name, fromBounds(row)]));
  return { counters, histograms, gauges };
}

/** Prometheus counts what is up to each bound; here each bucket counts its own. */
function fromBounds(row: ReadonlyMap<number, number>): Histogram {
  const buckets = new Map<number, Bucket>();
  let lower = 0;
  let below = 0;
  for (const [bound, count] of [...row].sort(([a], [b]) => a - b)) {
    buckets.set(lower, { width: Number.isFinite(bound) ? bound - lower : 0, count: count - below });
    lower = bound;
    below = count;
  }
  return buckets;
}

/** How the metrics of one instance have grown. */
export interface Growth {
  readonly counters: ReadonlyMap<string, number>;
  readonly histograms: ReadonlyMap<string, Histogram>;
}

/** What came since `before`, without which nothing is known. */
export function growthOf(before: InstanceMetrics | undefined, now: InstanceMetrics): Growth {
  return {
    counters: growth(before?.counters, now.counters),
    histograms: new Map(
      before
        ? [...now.histograms].map(([key, histogram]) => [key, since(before.histograms.get(key), histogram)])
        : [],
    ),
  };
}

/**
 * Calls of a group, of several instances together: of `method` by `shop.order.v1.OrderService/CreateOrder`, of
 * `database` by its name.
 */
export function callsOf(group: 'method' | 'database', growths: readonly Growth[]): Map<string, Calls> {
  const subjects = new Map<string, { ok: number; failed: number; refused: number }>();
  for (const { counters } of growths) {
    for (const [name, count] of counters) {
      const [of, subject = '', status = ''] = name.split('|');
      if (of !== group) continue;
      const calls = subjects.get(subject) ?? { ok: 0, failed: 0, refused: 0 };
      calls[outcomeOf(status)] += count;
      subjects.set(subject, calls);
    }
  }
  return new Map(
    [...subjects].map(([subject, { ok, failed, refused }]) => [
      subject,
      {
        ended: ok + failed + refused,
        failed,
        refused,
        latencies: merged(growths.flatMap(({ histograms }) => histograms.get(`${group}|${subject}`) ?? [])),
      },
    ]),
  );
}
