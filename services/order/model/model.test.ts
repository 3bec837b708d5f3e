import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { modelConfig } from '../../../platform/config/model.ts';
import { scenarios } from './scenario.ts';
import { simulate } from './simulate.ts';

const { runs, seed } = modelConfig();

// The code that serves customers, on a database, participants and a network that are simulated: every write and every
// message takes a time that the seed gives, may fail, be lost, come twice, late or in another order, and processes die
// or stand still in between. See docs/transactions.md.
it(`orders are whole after every one of ${runs} histories`, { timeout: 60_000 + runs * 10 }, async () => {
  const began = performance.now();
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      const { violations } = await simulate(scenario);
      if (violations.length === 0) return;
      const replay = `node services/order/model/replay.ts '${JSON.stringify(scenario)}'`;
      throw new Error(`${violations.join('\n')}\nreplay: ${replay}`);
    }),
    { numRuns: runs, seed },
  );
  const seconds = (performance.now() - began) / 1_000;
  console.info(
    `${runs} histories in ${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(0)}/s, SEED=${seed}`,
  );
});

it('the same scenario gives the same history', async () => {
  const [scenario] = fc.sample(scenarios, { numRuns: 1, seed });
  if (scenario === undefined) throw new Error('no scenario');
  const [first, second] = [await simulate(scenario), await simulate(scenario)];
  expect(first.world.tables.history).toEqual(second.world.tables.history);
  expect(first.world.said).toEqual(second.world.said);
  expect(first.world.scheduler.now).toBe(second.world.scheduler.now);
});
