import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';
import { ATTRIBUTES, labelName, METRICS, prometheusName } from './names.ts';

/** prom-client takes a counter's `_total` away once the metrics have been written as text. */
const baseName = (name: string): string => name.replace(/_total$/, '');
const SPECS = new Map(Object.values(METRICS).map((spec) => [baseName(prometheusName(spec)), spec]));
const NAMES = new Map<string, string>(Object.values(ATTRIBUTES).map((name) => [labelName(name), name]));
const SCOPE = { name: 'souk' };

/**
 * Lets OpenTelemetry's readers read what is counted in prom-client's registry, which costs less to count in: the same
 * figures as on `/metrics`, by their names in the registry of names.
 */
export function metricBridge(registry: Registry, resource: Resource): MetricProducer {
  const startTime = toTime(performance.timeOrigin);
  return {
    async collect() {
      const endTime = toTime(Date.now());
      const found = (await registry.getMetricsAsJSON()) as MetricObjectWithValues<MetricValue<string>>[];
      const metrics = found
        .map((metric) => toData(metric, startTime, endTime))
        .filter((data) => data !== undefined);
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: SCOPE, metrics }] }, errors: [] };
    },
  };
}

function toTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

function toData(
  { name, help, type, values }: MetricObjectWithValues<MetricValue<string>>,
  startTime: HrTime,
  endTime: HrTime,
): MetricData | undefined {
  const spec = SPECS.get(baseName(name));
  const descriptor = {
    name: spec?.name ?? name,
    description: help,
    unit: spec?.unit ?? '',
    valueType: ValueType.DOUBLE,
  };
  const common = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE };
  const time = { startTime, endTime };
  const points = () =>
    values.map(({ labels, value }) => ({ ...time, attributes: toAttributes(labels), value }));
  // prom-client's types have these as numbers, its values are words.
  switch (String(type)) {
    case 'counter':
      return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() };
    case 'gauge':
      return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: points() };
    case 'histogram':
      return {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: toHistograms(name, values).map((point) => ({ ...time, ...point })),
      };
    default:
      // A summary has no counterpart. None is emitted.
      return undefined;
  }
}

type HistogramPoint = Pick<
  DataPoint<{ buckets: { boundaries: number[]; counts: number[] }; sum: number; count: number }>,
  'attributes' | 'value'
>;

/** prom-client lists a histogram's buckets, sum and count one after the other, and its buckets sum up. */
function toHistograms(name: string, values: readonly MetricValue<string>[]): HistogramPoint[] {
  const points = new Map<string, HistogramPoint & { below: number }>();
  for (const { labels, value, ...rest } of values) {
    const { le, ...own } = labels as Record<string, string | number>;
    const key = JSON.stringify(own);
    let point = points.get(key);
    if (point === undefined) {
      const empty = { buckets: { boundaries: [], counts: [] }, sum: 0, count: 0 };
      point = { attributes: toAttributes(own), value: empty, below: 0 };
      points.set(key, point);
    }
    const { metricName } = rest as { metricName?: string };
    if (le !== undefined) {
      point.value.buckets.counts.push(value - point.below);
      point.below = value;
      if (le !== '+Inf') point.value.buckets.boundaries.push(Number(le));
    } else if (metricName === `${name}_sum`) point.value.sum = value;
    else point.value.count = value;
  }
  return [...points.values()];
}

function toAttributes(labels: Partial<Record<string, string | number>>): Attributes {
  const attributes: Attributes = {};
  for (const [label, value] of Object.entries(labels)) {
    // An empty label is none.
    if (value !== undefined && value !== '') attributes[NAMES.get(label) ?? label] = value;
  }
  return attributes;
}
