import type { Calls } from './calls.ts';
import { growth } from './counters.ts';
import { type Bucket, type Histogram, merged, since } from './histogram.ts';
import { type Sample, samplesOf } from './prometheus-text.ts';
import { outcomeOf } from './status.ts';

/** The metrics that are read, by what they are read as. */
const NAMES = {
  calls: 'rpc_server_requests_total',
  durations: 'rpc_server_duration_seconds_bucket',
  inFlight: 'transactions_in_flight',
  oldest: 'transactions_oldest_age_seconds',
  committed: 'transactions_committed_total',
  rolledBack: 'transactions_rolled_back_total',
  lag: 'event_consumer_lag_events',
  lagAge: 'event_consumer_lag_seconds',
  published: 'events_published_total',
  consumed: 'events_consumed_total',
  deliveries: 'event_delivery_seconds_bucket',
} as const;
const parse = samplesOf(Object.values(NAMES));

/** What an instance's /metrics says, counted since it started. */
export interface InstanceMetrics {
  /** Counters, by a name of our own: see keyOf. */
  readonly counters: ReadonlyMap<string, number>;
  /** In milliseconds, by the same. */
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** What is the case for the whole service, as each of its instances says. */
  readonly gauges: ReadonlyMap<string, number>;
}

/** Reads an instance's /metrics. */
export function parseInstance(text: string): InstanceMetrics {
  const counters = new Map<string, number>();
  const gauges = new Map<string, number>();
  const bounds = new Map<string, [bound: number, count: number][]>();
  const bound = (key: string, { labels, value }: Sample) => {
    const row = bounds.get(key) ?? [];
    if (row.length === 0) bounds.set(key, row);
    row.push([Number(labels.le?.replace('+Inf', 'Infinity')) * 1000, value]);
  };
  for (const sample of parse(text)) {
    const { labels, value } = sample;
    const method = `${labels.service}/${labels.method}`;
    if (sample.name === NAMES.calls) counters.set(`method|${method}|${labels.code}`, value);
    else if (sample.name === NAMES.durations) bound(`method|${method}`, sample);
    else if (sample.name === NAMES.committed) counters.set(`committed|${labels.kind}`, value);
    else if (sample.name === NAMES.rolledBack) counters.set(`rolled back|${labels.kind}`, value);
    else if (sample.name === NAMES.published) add(counters, 'published', value);
    else if (sample.name === NAMES.consumed) add(counters, `consumed|${labels.publisher}`, value);
    else if (sample.name === NAMES.deliveries) bound(`delivery|${labels.publisher}`, sample);
    else if (sample.name === NAMES.inFlight) gauges.set(`transactions|${labels.kind} ${labels.state}`, value);
    else if (sample.name === NAMES.oldest) gauges.set('transactions|oldest', value);
    else if (sample.name === NAMES.lag) gauges.set(`lag|${labels.consumer}|events`, value);
    else if (sample.name === NAMES.lagAge) gauges.set(`lag|${labels.consumer}|seconds`, value);
  }
  const histograms = new Map([...bounds].map(([key, row]) => [key, fromBounds(row)]));
  return { counters, histograms, gauges };
}

function add(counters: Map<string, number>, key: string, value: number): void {
  counters.set(key, value + (counters.get(key) ?? 0));
}

/** Prometheus counts what is up to each bound; here each bucket counts its own. */
function fromBounds(row: readonly [bound: number, count: number][]): Histogram {
  const buckets = new Map<number, Bucket>();
  let lower = 0;
  let below = 0;
  for (const [bound, count] of row) {
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

/** Calls by `shop.order.v1.OrderService/CreateOrder`, of several instances together. */
export function methodsOf(growths: readonly Growth[]): Map<string, Calls> {
  const methods = new Map<string, { ok: number; failed: number; refused: number }>();
  for (const { counters } of growths) {
    for (const [key, count] of counters) {
      const [group, method = '', code = ''] = key.split('|');
      if (group !== 'method') continue;
      const calls = methods.get(method) ?? { ok: 0, failed: 0, refused: 0 };
      calls[outcomeOf(code)] += count;
      methods.set(method, calls);
    }
  }
  return new Map(
    [...methods].map(([method, { ok, failed, refused }]) => [
      method,
      {
        ended: ok + failed + refused,
        failed,
        refused,
        latencies: merged(growths.flatMap(({ histograms }) => histograms.get(`method|${method}`) ?? [])),
      },
    ]),
  );
}
