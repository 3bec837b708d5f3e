import type { Sampling } from './trace.ts';

/** The sampling that a sampler's standard name and argument say. */
export function samplingOf(sampler: string, ratio: number): Sampling {
  const parentBased = sampler.startsWith('parentbased_');
  if (sampler.endsWith('always_on')) return { ratio: 1, parentBased };
  if (sampler.endsWith('always_off')) return { ratio: 0, parentBased };
  return { ratio, parentBased };
}
