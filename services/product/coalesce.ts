import { createBatcher } from '../../platform/batch/batcher.ts';
import type { Outcome } from './stock.ts';

/** Each order service calls with up to a few hundred branches; this bounds what one statement has to do. */
const MAX_CALLS = 16;
const MAX_IN_FLIGHT = 2;

/**
 * Makes one statement and one commit out of the calls of one method that arrive together. On a product that everybody
 * wants, calls that each commit by themselves would wait for each other's commits in a row.
 */
export function coalesce<Branch>(
  run: (branches: readonly Branch[]) => Promise<Outcome[]>,
): (branches: readonly Branch[]) => Promise<Outcome[]> {
  return createBatcher<readonly Branch[], Outcome[]>({
    maxSize: MAX_CALLS,
    maxInFlight: MAX_IN_FLIGHT,
    async run(calls) {
      const outcomes = await run(calls.flat());
      let next = 0;
      return calls.map(({ length }) => {
        next += length;
        return outcomes.slice(next - length, next);
      });
    },
  });
}
