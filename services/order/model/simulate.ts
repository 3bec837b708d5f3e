import type { Without } from '../../../platform/transaction/model/defences.ts';
import { type Notes, run } from './customers.ts';
import { deleteAccount } from './deletions.ts';
import { violations } from './invariants.ts';
import type { Scenario } from './scenario.ts';
import { World } from './world.ts';

/** Faults end after seconds, pauses between attempts grow to 30 s: whatever isn't done by then never will be. */
const LIMIT_MS = 400_000;

/** What came out of a history. */
export interface Simulation {
  readonly violations: readonly string[];
  readonly world: World;
  readonly notes: Notes;
}

/** Runs one history to its rest and looks at what is left. The same scenario always gives the same. */
export async function simulate(scenario: Scenario, without: Without = new Set()): Promise<Simulation> {
  const world = new World(scenario, without);
  const notes: Notes = { replies: [], cancels: new Set(), departed: new Set() };
  for (const place of scenario.errands.keys())
    world.wallets.put(`customer-${place}`, BigInt(scenario.credit));
  const failures: string[] = [];
  for (const at of scenario.retries) {
    world.scheduler.after(at, () => {
      const replica = world.replicas.find((each) => each !== undefined);
      // It may fail, as any call: an operator then looks again.
      for (const { id } of world.log.open) void replica?.recovery.retry(id).catch(() => {});
    });
  }
  let busy = scenario.errands.length;
  for (const deletion of scenario.deletions) {
    busy++;
    void deleteAccount(world, notes, deletion).finally(() => busy--);
  }
  scenario.errands.forEach((errand, place) => {
    run(world, notes, errand, place)
      .catch((error: unknown) => failures.push(`a customer met ${String(error)}`))
      .finally(() => busy--);
  });
  await world.scheduler.run(LIMIT_MS, () => busy === 0 && world.atRest);
  return { violations: [...failures, ...violations(world, notes, scenario)], world, notes };
}
