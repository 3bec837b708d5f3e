import type { Event } from '@souk/contracts/shop/event/v1/event_pb.js';
import type { Positions } from '../source.ts';
import type { ConsumerStore } from './consumer-store.ts';
import { eventsRemoved } from './consumer-store.ts';
import { type Cursor, cursorAt, remaining } from './entry.ts';
import type { LiveTail } from './live-tail.ts';
import type { LogStore, ReadLimit } from './log-store.ts';
import type { Batch } from './ring.ts';

/** What a stream works with. */
export interface FollowParts {
  readonly log: LogStore;
  readonly tail: LiveTail;
  readonly consumers: Pick<ConsumerStore, 'register'>;
}

/** The most that one batch holds. */
export const BATCH: ReadLimit = { events: 500, bytes: 256 * 1024 };
/** A stream that is silent for longer has lost its other end. */
const KEEP_ALIVE_MS = 10_000;

/** See Publisher.follow. */
export async function* follow(
  { log, tail, consumers }: FollowParts,
  consumer: string,
  positions: Positions,
  signal: AbortSignal,
  keepAliveMs = KEEP_ALIVE_MS,
): AsyncGenerator<readonly Event[]> {
  await consumers.register(consumer, positions);
  let cursor = cursorAt(positions);
  let silentUntil = performance.now() + keepAliveMs;
  const leave = tail.join();
  try {
    while (!signal.aborted && !tail.stopped) {
      const { events, upTo } = tail.read(cursor, BATCH) ?? (await readLog(log, tail, cursor));
      cursor = { ...cursor, upTo };
      const silentFor = silentUntil - performance.now();
      if (events.length > 0 || silentFor <= 0) {
        yield events;
        silentUntil = performance.now() + keepAliveMs;
      } else if (upTo >= tail.head) await tail.wait(upTo, silentFor, signal);
    }
  } finally {
    leave();
  }
}

async function readLog(log: LogStore, tail: LiveTail, cursor: Cursor): Promise<Batch> {
  const { head } = tail;
  const { entries, full, removed } = await log.read(remaining(cursor), BATCH);
  if (removed) throw eventsRemoved();
  const events = entries.map(({ event }) => event);
  const last = events.at(-1)?.position ?? cursor.upTo;
  // If that was all, it was also all up to where the tail was before: from there on it can be read from memory.
  return { events, upTo: !full && head > last ? head : last };
}
