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

/** Declares a counter. */
export function counter<Spec extends MetricSpec>(registry: Registry, spec: Spec): Counter<Labels<Spec>> {
  return new Counter(settings(registry, spec));
}

/** Declares a gauge. `collect` sets it when it is read. */
export function gauge<Spec extends MetricSpec>(
  registry: Registry,
  spec: Spec,
  collect: (this: Gauge<Labels<Spec>>) => void | Promise<void>,
): Gauge<Labels<Spec>> {
  return new Gauge({ ...settings(registry, spec), collect });
}

/** Declares a histogram. */
export function histogram<Spec extends MetricSpec>(registry: Registry, spec: Spec): Histogram<Labels<Spec>> {
  return new Histogram({ ...settings(registry, spec), buckets: [...(spec.buckets ?? [])] });
}
