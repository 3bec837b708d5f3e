import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectionFailure } from '../../db/errors.ts';
import { repeat } from '../../lifecycle/repeat.ts';
import type { Logger } from '../../telemetry/log.ts';
import { within } from '../../telemetry/span.ts';
import type { LogStore, Move } from './log-store.ts';
import { createSettled } from './settled.ts';

/** What a sequencer works with. */
export interface SequencerOptions {
  readonly log: Pick<LogStore, 'move'>;
  /** Whether the events themselves are of use, to who follows the log in this process. */
  readonly wanted: () => boolean;
  /** Told of each run that has moved something, once it is committed. */
  readonly onMoved: (move: Move) => void;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
}

/** Moves committed events from the outbox to the log. Replicas take turns. */
export interface Sequencer {
  /** Runs soon, or once more after the run under way. */
  wake(): void;
  /** Looks by itself about every second, until `stopping`. */
  start(stopping: AbortSignal): void;
  /** Runs a last time, if that was asked for. */
  stop(): Promise<void>;
}

/** The most events that one run moves. */
export const AT_MOST = 2_000;
/** The most data that it gives back. */
const MOST_BYTES = 1024 * 1024;
/**
 * From the start of one run to the next, unless the log is behind: this long at the least, and so many times as long as
 * the last two runs took at the least. Runs that are further apart move more, and cost less where the machine is busy;
 * one that took long by itself is no sign of that.
 */
const GAP_MS = 6;
const GAP_PER_RUN = 3;
const MAX_GAP_MS = 20;
const GAP_AFTER_FAILURE_MS = 250;
/** How long events wait whose process died between the commit and the waking. */
const LOOK_MS = 1_000;
/** How long one would wait that was taken to be settled, and isn't. */
const LOOK_AT_ALL_MS = 60_000;

/** The sequencer of one process. */
export function createSequencer(
  { log, wanted, onMoved, logger }: SequencerOptions,
  lookAtAllMs = LOOK_AT_ALL_MS,
): Sequencer {
  const settled = createSettled();
  let lookAtAll = false;
  let woken = false;
  let running = false;
  let finished = Promise.resolve();
  let notBefore = 0;
  let failing = false;
  let tookBefore = 0;
  let stopped = false;

  async function runOnce(): Promise<void> {
    const began = performance.now();
    try {
      const above = lookAtAll ? 0n : settled.seq;
      lookAtAll = false;
      const move = await log.move(AT_MOST, above, wanted() ? MOST_BYTES : 0);
      const took = performance.now() - began;
      const gap = Math.max(GAP_MS, GAP_PER_RUN * Math.min(took, tookBefore));
      tookBefore = took;
      notBefore = move.moved === AT_MOST ? 0 : began + Math.min(MAX_GAP_MS, gap);
      settled.learn(move, AT_MOST);
      if (failing) logger.info('events are moved to the log again');
      failing = false;
      if (move.moved > 0) onMoved(move);
      if (move.moved === AT_MOST) woken = true;
    } catch (err) {
      // Not after a time-out: the next run would take even longer.
      if (isConnectionFailure(err)) settled.forget();
      if (!failing) logger.warn({ err }, 'events stay in the outbox until they can be moved to the log');
      failing = true;
      notBefore = performance.now() + GAP_AFTER_FAILURE_MS;
    }
  }

  async function run(): Promise<void> {
    running = true;
    while (woken && !(stopped && failing)) {
      const pause = notBefore - performance.now();
      if (pause > 0) await sleep(pause);
      woken = false;
      await runOnce();
    }
    running = false;
  }

  function wake(): void {
    if (stopped) return;
    woken = true;
    // Not within the call that wakes it: under load it goes on for long, for others.
    if (!running) finished = within(undefined, run);
  }

  return {
    wake,
    start(stopping) {
      wake();
      void repeat(LOOK_MS, stopping, async () => wake());
      void repeat(lookAtAllMs, stopping, async () => {
        lookAtAll = true;
      });
    },
    async stop() {
      stopped = true;
      await finished;
    },
  };
}
