import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { modelConfig } from '../../../platform/config/model.ts';
import { defences } from '../../../platform/transaction/model/defences.ts';
import { scenarios } from './scenario.ts';
import { simulate } from './simulate.ts';

const { seed } = modelConfig();
/** As many as the model test runs. */
const MAX_RUNS = 10_000;

// That the model has teeth: whatever keeps orders whole, it finds out when it is missing.
it.each(defences)('finds what happens without: %s', { timeout: 60_000 }, async (defence) => {
  const without = new Set([defence]);
  let runs = 0;
  let found: readonly string[] = [];
  for (const scenario of fc.sample(scenarios, { numRuns: MAX_RUNS, seed })) {
    runs++;
    found = (await simulate(scenario, without)).violations;
    if (found.length > 0) break;
  }
  console.info(`without "${defence}": ${found[0] ?? 'nothing found'}, after ${runs} histories`);
  expect(found, `seed ${seed}`).not.toEqual([]);
});
