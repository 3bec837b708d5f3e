import type { Transaction } from '../../db/database.ts';
import type { Received } from '../event.ts';
import { asProcessing } from '../span.ts';
import { afterFailure } from './attempts.ts';
import type { Item } from './catalogue.ts';
import type { NewParked } from './parked-store.ts';
import type { Progress } from './progress.ts';
import type { PublisherContext } from './publisher-context.ts';
import { handleRuns, prepareRuns, type Run, tellCommitted } from './runs.ts';

/**
 * Takes effect of a batch and moves the positions, in one transaction: all of it happens or nothing. What can't take
 * effect whatever is tried is parked by the same transaction, and so is what stands behind a parked event.
 *
 * @param failure what the batch's only event threw before: it is parked
 * @throws what a subscription or the database throws, and what PositionStore.advance does
 */
export async function commitBatch(
  context: PublisherContext,
  items: readonly Item[],
  progress: Progress,
  signal: AbortSignal,
  failure?: { readonly error: unknown },
): Promise<void> {
  const { sql, catalogue, positions, parked, observer } = context;
  const target = progress.target(items);
  const { runs, taken } = await asProcessing(catalogue.publisher, items, async () => {
    const runs = failure === undefined ? await prepareRuns(items, signal) : [];
    return { runs, taken: await sql.begin((tx) => take(tx, runs)) };
  });
  progress.commit(target);
  observer.consumed(taken);
  tellCommitted(runs);

  async function take(tx: Transaction, runs: readonly Run[]): Promise<Received[]> {
    const known = await positions.advance(tx, catalogue.publisher, progress.committed, target);
    const subjects = known.parked ? wantedSubjects(items) : [];
    const behind =
      subjects.length > 0
        ? await parked.parkedSubjects(tx, catalogue.publisher, subjects)
        : new Set<string>();
    const { park, leftOut } = sort(items, behind, failure);
    const effects = await handleRuns(runs, tx, leftOut);
    await parked.add(tx, catalogue.publisher, park);
    return effects;
  }
}

const WAITING = { state: 'WAITING', lastError: '', retryMs: null } as const;

const wantedSubjects = (items: readonly Item[]): string[] => {
  const wanted = items.filter(({ known, fault }) => known !== undefined || fault !== undefined);
  return [...new Set(wanted.map(({ event }) => event.subject))];
};

/** Tells which events are parked: those at fault, and all that come after one of their subject. */
function sort(
  items: readonly Item[],
  parkedSubjects: ReadonlySet<string>,
  failure: { readonly error: unknown } | undefined,
): { park: NewParked[]; leftOut: Set<Received> } {
  const behind = new Set(parkedSubjects);
  const park: NewParked[] = [];
  const leftOut = new Set<Received>();
  for (const { event, partition, known, fault } of items) {
    if (known === undefined && fault === undefined) continue;
    const waits = behind.has(event.subject);
    const failed = failure ?? (fault && { error: fault });
    if (!waits && failed === undefined) continue;
    behind.add(event.subject);
    if (known !== undefined) leftOut.add(known.received);
    park.push({ event, partition, ...(waits ? WAITING : afterFailure(failed?.error, 1)) });
  }
  return { park, leftOut };
}
