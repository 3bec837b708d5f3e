import type { Sql } from '../../db/database.ts';
import { repeat } from '../../lifecycle/repeat.ts';
import { PARTITIONS } from '../event.ts';
import { type Cursor, least } from './entry.ts';
import type { LogStore, Move, ReadLimit } from './log-store.ts';
import { type Batch, createRing } from './ring.ts';

/**
 * The end of the log, once for all streams of the process: what this process moves there, and what it has read of what
 * others move. It is read only while a stream waits for it: streams that lag read for themselves, until they are where
 * it begins.
 */
export interface LiveTail {
  /** Listens for what other processes move, and looks by itself about every second, until `stopping`. */
  start(stopping: AbortSignal): void;
  /** Ends all waits. */
  stop(): Promise<void>;
  readonly stopped: boolean;
  /** Notes that a stream follows it, until what it returns is called. */
  join(): () => void;
  /** Whether any does. */
  readonly followed: boolean;
  /** Takes what this process has moved to the log. */
  moved(move: Pick<Move, 'entries' | 'positionBefore' | 'lastPosition'>): void;
  /** The log goes up to this position, at the least. Undefined: perhaps further than is known. */
  poke(position?: bigint): void;
  /** The position that it holds the log up to. */
  readonly head: bigint;
  /** A stream's next batch, empty when it is at `head`; undefined when it has to read the log. */
  read(cursor: Cursor, limit: ReadLimit): Batch | undefined;
  /**
   * Waits until there may be something after the position; at most this long, and not beyond the signal or the stop.
   * Rejects when the log can't be read.
   */
  wait(position: bigint, ms: number, signal: AbortSignal): Promise<void>;
}

/** How much of the log's end is kept for streams that are a little behind. */
const KEPT: ReadLimit = { events: 4_000, bytes: 4 * 1024 * 1024 };
const READ: ReadLimit = { events: 1_000, bytes: 1024 * 1024 };
/** A notification that was lost is made good. */
const LOOK_MS = 1_000;

interface Waiter {
  readonly position: bigint;
  readonly end: (error?: unknown) => void;
}

/** The tail of this log. */
export function createLiveTail(
  sql: Pick<Sql, 'listen'>,
  log: Pick<LogStore, 'read' | 'lastPosition'>,
  kept = KEPT,
): LiveTail {
  const ring = createRing(kept);
  const waiters = new Set<Waiter>();
  /** The log goes up to here, as somebody said, or further: `unsure`. */
  let told = 0n;
  let unsure = true;
  let reading = false;
  let stopped = false;
  let streams = 0;
  let listener: ReturnType<Sql['listen']> | undefined;

  function endWaits(error?: unknown): void {
    for (const { end } of [...waiters]) end(error);
  }

  async function readOn(): Promise<void> {
    // Nobody waits for what lies before that: they have read it for themselves.
    const awaited = least([...waiters].map(({ position }) => position));
    if (awaited > ring.head) ring.reset(awaited);
    const before = told;
    unsure = false;
    const { entries, full, removed } = await log.read(Array(PARTITIONS).fill(ring.head), READ);
    // The streams see for themselves whether they have missed any of what was removed.
    if (removed) ring.reset(await log.lastPosition());
    else ring.append(entries);
    if (full) unsure = true;
    // Whatever was said before, this was all. What was said since may be more.
    else if (told === before) told = ring.head;
    endWaits();
  }

  async function readWhileAwaited(): Promise<void> {
    if (reading) return;
    reading = true;
    try {
      while (!stopped && waiters.size > 0 && (unsure || told > ring.head)) await readOn();
    } catch (error) {
      // Perhaps the server was replaced by one that was behind: what is in memory need not be in its log.
      ring.reset(-1n);
      told = 0n;
      unsure = true;
      endWaits(error);
    } finally {
      reading = false;
    }
  }

  function poke(position?: bigint): void {
    if (position === undefined) unsure = true;
    else if (position > told) told = position;
    void readWhileAwaited();
  }

  return {
    start(stopping) {
      // The payload is a position: see move_events.
      listener = sql.listen(
        'events',
        (payload) => poke(/^\d{1,19}$/.test(payload) ? BigInt(payload) : undefined),
        () => poke(),
      );
      void repeat(LOOK_MS, stopping, async () => poke());
    },

    async stop() {
      stopped = true;
      endWaits();
      await listener?.close();
    },

    join() {
      streams++;
      return () => {
        streams--;
      };
    },
    get followed() {
      return streams > 0;
    },

    moved({ entries, positionBefore, lastPosition }) {
      if (lastPosition === null) return;
      // Without a gap to what is held; and a read under way might bring them a second time.
      if (entries === undefined || reading || positionBefore !== ring.head) return poke(lastPosition);
      ring.append(entries);
      if (lastPosition > told) told = lastPosition;
      endWaits();
    },

    get stopped() {
      return stopped;
    },
    get head() {
      return ring.head;
    },
    poke,
    read: ring.read,

    wait(position, ms, signal) {
      return new Promise((resolve, reject) => {
        if (stopped || signal.aborted) return resolve();
        const end = (error?: unknown): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', aborted);
          waiters.delete(waiter);
          if (error === undefined) resolve();
          else reject(error);
        };
        const aborted = (): void => end();
        const waiter: Waiter = { position, end };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', aborted);
        waiters.add(waiter);
        void readWhileAwaited();
      });
    },
  };
}
