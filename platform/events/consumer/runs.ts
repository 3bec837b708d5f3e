import type { Transaction } from '../../db/database.ts';
import type { Received } from '../event.ts';
import type { Item } from './catalogue.ts';
import type { Subscription } from './subscription.ts';

/** Consecutive events of one subscription, and what it has prepared for them. */
export interface Run {
  readonly subscription: Subscription;
  readonly events: Received[];
  prepared: unknown;
}

/** Cuts events into runs, so that they take effect in their order, and lets the subscriptions prepare. */
export async function prepareRuns(items: readonly Item[], signal: AbortSignal): Promise<Run[]> {
  const runs: Run[] = [];
  for (const { known } of items) {
    if (known === undefined) continue;
    const last = runs.at(-1);
    if (last?.subscription === known.subscription) last.events.push(known.received);
    else runs.push({ subscription: known.subscription, events: [known.received], prepared: undefined });
  }
  const prepare = async (run: Run): Promise<void> => {
    run.prepared = await run.subscription.prepare?.(run.events, signal);
  };
  await Promise.all(runs.map(prepare));
  return runs;
}

/** Takes effect of runs, but for the events that are left out. Returns those that took effect. */
export async function handleRuns(
  runs: readonly Run[],
  tx: Transaction,
  leftOut: ReadonlySet<Received>,
): Promise<Received[]> {
  const taken: Received[][] = [];
  for (const { subscription, events, prepared } of runs) {
    const due = leftOut.size === 0 ? events : events.filter((event) => !leftOut.has(event));
    if (due.length > 0) await subscription.handle(due, tx, prepared);
    taken.push(due);
  }
  return taken.flat();
}

/** Tells the subscriptions of the runs that what they did is committed. */
export function tellCommitted(runs: readonly Run[]): void {
  for (const subscription of new Set(runs.map((run) => run.subscription))) subscription.committed?.();
}
