import { createBatcher } from '../../platform/batch/batcher.ts';
import type { Context } from '../../platform/rpc/context.ts';
import type { TraceContext } from '../../platform/telemetry/trace.ts';
import type { Outcome } from './stock.ts';

/** Each order service calls with up to a few hundred branches; this bounds what one statement has to do. */
const MAX_CALLS = 16;

/**
 * Makes one statement and one commit out of the calls of one method that arrive together. On a product that everybody
 * wants, calls that each commit by themselves would wait for each other's commits in a row. Of the calls' traces `run`
 * gets the first that is sampled, else the first.
 */
export function coalesce<Branch>(
  run: (branches: readonly Branch[], trace: TraceContext | undefined) => Promise<Outcome[]>,
): (branches: readonly Branch[], context: Pick<Context, 'trace'>) => Promise<Outcome[]> {
  const batched = createBatcher<{ branches: readonly Branch[]; context: Pick<Context, 'trace'> }, Outcome[]>({
    maxSize: MAX_CALLS,
    async run(calls) {
      const outcomes = await run(
        calls.flatMap(({ branches }) => branches),
        (calls.find(({ context }) => context.trace.sampled) ?? calls[0])?.context.trace,
      );
      let next = 0;
      return calls.map(({ branches: { length } }) => {
        next += length;
        return outcomes.slice(next - length, next);
      });
    },
  });
  return (branches, context) => batched({ branches, context });
}
