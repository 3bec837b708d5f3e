import { backoffMs } from './backoff.ts';
import { pause } from './bell.ts';
import type { Item } from './catalogue.ts';
import { commitBatch } from './commit-batch.ts';
import { isStatementTimeout, isTechnical } from './failure.ts';
import { isMoved } from './position-store.ts';
import type { Progress } from './progress.ts';
import type { PublisherContext } from './publisher-context.ts';

const PAUSES = { firstMs: 100, mostMs: 2_000 };
/** A statement that takes too long is somebody else's lock at first, and the events' own fault after that. */
const MAX_TIMEOUTS = 3;

/**
 * Takes effect of a batch, whatever it takes: what is technical is waited out. A batch that fails for another reason is
 * cut in two, until the event at fault is alone; it is parked, and all others take effect in their order.
 *
 * @throws the signal's reason, or an error that isMoved knows: read the positions again
 */
export async function deliver(
  context: PublisherContext,
  items: readonly Item[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  try {
    await persist(context, items, progress, signal);
  } catch (error) {
    if (signal.aborted || isMoved(error) || items.length === 0) throw error;
    if (items.length > 1) {
      const half = items.length >> 1;
      await deliver(context, items.slice(0, half), progress, signal);
      await deliver(context, items.slice(half), progress, signal);
      return;
    }
    const { id, type, subject, position } = (items[0] as Item).event;
    const line = {
      err: error,
      publisher: context.catalogue.publisher,
      eventId: id,
      type,
      subject,
      position: String(position),
    };
    context.log.error(line, 'an event could not take effect, and is parked');
    await persist(context, items, progress, signal, { error });
  }
}

/** Commits a batch, or a failure to be parked, and waits out what is technical. */
async function persist(
  context: PublisherContext,
  items: readonly Item[],
  progress: Progress,
  signal: AbortSignal,
  failure?: { readonly error: unknown },
): Promise<void> {
  const { log, catalogue } = context;
  const { publisher } = catalogue;
  let timeouts = 0;
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      await commitBatch(context, items, progress, signal, failure);
      if (failures > 1) log.info({ publisher }, 'events take effect again');
      return;
    } catch (error) {
      if (isStatementTimeout(error)) timeouts++;
      const wait =
        isTechnical(error) || (isStatementTimeout(error) && timeouts < MAX_TIMEOUTS) || failure !== undefined;
      if (signal.aborted || isMoved(error) || !wait) throw error;
      if (failures === 1) log.warn({ err: error, publisher }, 'events wait: what they need is away');
      await pause(backoffMs(PAUSES, failures), signal);
    }
  }
}
