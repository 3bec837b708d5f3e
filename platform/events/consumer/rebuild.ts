import type { PublisherContext } from './publisher-context.ts';
import { handleRuns, prepareRuns } from './runs.ts';

/**
 * Makes the copies of a partition anew from a snapshot, in one transaction: until its commit all others see the old
 * ones. Nothing of a snapshot is parked: what can't take effect fails the whole, and the old copies stay in use.
 *
 * @returns false when the partition needs no snapshot any more, or is another's
 * @throws what the source, a subscription or the database throws: try again
 */
export async function rebuild(
  context: PublisherContext,
  partition: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { sql, instance, catalogue, source, positions, parked, log } = context;
  const { publisher, subscriptions } = catalogue;
  const began = performance.now();
  let events = 0;

  const done = await sql.begin(async (tx) => {
    // Large copies take a while to be removed, and a page of the snapshot to come.
    await tx.unsafe(
      `set local statement_timeout = '5min'; set local idle_in_transaction_session_timeout = '1min'`,
    );
    if (!(await positions.beginRebuild(tx, publisher, partition, instance))) return false;
    // First of all: it waits for whoever takes effect of one, and from then on nobody else touches the partition.
    await parked.clear(tx, publisher, partition);
    const snapshot = await source.snapshot(partition, signal);
    for (const subscription of subscriptions) await subscription.reset?.(tx, partition);
    for await (const page of snapshot.events) {
      signal.throwIfAborted();
      const items = page.map(catalogue.read);
      for (const { fault } of items) if (fault !== undefined) throw fault;
      await handleRuns(await prepareRuns(items, signal), tx, new Set());
      events += page.length;
    }
    // A stream that is ended by the signal may look like one that is through.
    signal.throwIfAborted();
    await positions.endRebuild(tx, publisher, partition, snapshot.position);
    return true;
  });
  if (done) {
    for (const subscription of subscriptions) subscription.committed?.();
    const durationMs = Math.round(performance.now() - began);
    log.info({ publisher, partition, events, durationMs }, 'copies rebuilt from a snapshot');
  }
  return done;
}
