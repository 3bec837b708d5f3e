import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import { fail } from '../../errors.ts';
import { createBell } from './bell.ts';
import type { Item } from './catalogue.ts';

/** A stream of events, read ahead while those before are taken effect of. */
export interface Gathered {
  /**
   * The events that came since the last call, as many batches as fit. Waits for the first, for about `ms` at most: then
   * it is empty. Undefined: the stream has ended. Rejects when it failed, after what came before.
   */
  next(ms: number): Promise<Item[] | undefined>;
}

/** The most events of one transaction, if no single batch is larger. */
const MAX_EVENTS = 500;
/** From how much on nothing more is read ahead: enough for the next transaction. */
const AHEAD = { events: 1_000, bytes: 1024 * 1024 };
/** A publisher gives a sign of life every 10 s. */
const SILENCE_MS = 30_000;

/**
 * Reads ahead, within bounds, and decodes. Batches that are small because they come often make one large transaction.
 *
 * @param scope ends the stream; aborted here when the publisher has been silent for too long
 */
export function gather(
  batches: AsyncIterable<readonly Event[]>,
  read: (event: Event) => Item,
  scope: AbortController,
): Gathered {
  const ahead: { items: Item[]; bytes: number }[] = [];
  const size = { events: 0, bytes: 0 };
  const [arrived, room] = [createBell(), createBell()];
  let ended: { error?: unknown } | undefined;
  let full = false;

  function push(batch: readonly Event[]): void {
    if (batch.length === 0) return;
    const bytes = batch.reduce((sum, { data }) => sum + data.length, 0);
    ahead.push({ items: batch.map(read), bytes });
    size.events += batch.length;
    size.bytes += bytes;
    arrived.ring();
  }

  function shift(): Item[] {
    const first = ahead.shift();
    size.events -= first?.items.length ?? 0;
    size.bytes -= first?.bytes ?? 0;
    return first?.items ?? [];
  }

  async function pump(): Promise<void> {
    const silence = setInterval(() => full || scope.abort(silent()), SILENCE_MS).unref();
    try {
      for await (const batch of batches) {
        push(batch);
        while (!scope.signal.aborted && (size.events >= AHEAD.events || size.bytes >= AHEAD.bytes)) {
          full = true;
          await room.wait(Number.POSITIVE_INFINITY, scope.signal);
        }
        full = false;
        silence.refresh();
        if (scope.signal.aborted) break;
      }
      ended = {};
    } catch (error) {
      ended = { error };
    } finally {
      clearInterval(silence);
      arrived.ring();
    }
  }
  void pump();

  return {
    async next(ms) {
      if (ahead.length === 0 && ended === undefined) await arrived.wait(ms, scope.signal);
      scope.signal.throwIfAborted();
      const taken = shift();
      while (ahead[0] !== undefined && taken.length + ahead[0].items.length <= MAX_EVENTS) {
        for (const item of shift()) taken.push(item);
      }
      if (taken.length > 0) room.ring();
      else if (ended !== undefined) {
        if ('error' in ended) throw ended.error;
        return undefined;
      }
      return taken;
    },
  };
}

const silent = () =>
  fail('UNAVAILABLE', 'EVENTS_SILENT', `The publisher has not given a sign of life for ${SILENCE_MS} ms.`);
