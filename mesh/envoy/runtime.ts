import { faultRuntime } from './governance/faults.ts';
import { type Tracing, tracingRuntime } from './governance/tracing.ts';
import type { Resource } from './resource.ts';

/** Envoy's runtime keys; nothing where there are none to set. */
export function layeredRuntime(options: {
  readonly faults?: boolean;
  readonly tracing?: Tracing | undefined;
}): { layered_runtime?: Resource } {
  const layers = [
    ...(options.tracing ? [{ name: 'tracing', static_layer: tracingRuntime }] : []),
    ...(options.faults ? [faultRuntime] : []),
  ];
  return layers.length > 0 ? { layered_runtime: { layers } } : {};
}
