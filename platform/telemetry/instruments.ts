import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type LabelName, labelName, type MetricSpec, prometheusName } from './names.ts';

/** The labels of a metric. */
export type Labels<Spec extends MetricSpec> = LabelName<Spec['attributes'][number]>;

function settings<Spec extends MetricSpec>(registry: Registry, spec: Spec) {
  return {
    name: prometheusName(spec),
    help: spec.help,
    labelNames: spec.attributes.map(labelName) as Labels<Spec>[],
    registers: [registry],
  };
}

/** Declares a counter. `collect` sets it when it is read, if what it counts is counted elsewhere. */
export function counter<Spec extends MetricSpec>(
  registry: Registry,
  spec: Spec,
  collect?: (this: Counter<Labels<Spec>>) => void | Promise<void>,
): Counter<Labels<Spec>> {
  return new Counter({ ...settings(registry, spec), ...(collect && { collect }) });
}

/** Declares a gauge. `collect` sets it when it is read. */
export function gauge<Spec extends MetricSpec>(
  registry: Registry,
  spec: Spec,
  collect: (this: Gauge<Labels<Spec>>) => void | Promise<void>,
): Gauge<Labels<Spec>> {
  return new Gauge({ ...settings(registry, spec), collect });
}

/** Declares a histogram, whose observations may come with the trace that they are an example of. */
export function histogram<Spec extends MetricSpec>(
  registry: Registry,
  spec: Spec,
  { exemplars = false } = {},
): Histogram<Labels<Spec>> {
  const buckets = [...(spec.buckets ?? [])];
  return new Histogram({ ...settings(registry, spec), buckets, enableExemplars: exemplars });
}
