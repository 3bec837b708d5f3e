import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './spawn-logged.ts';

/** A process that is started again whenever it ends, until it is stopped. */
export interface Supervised {
  /** The process of the moment; undefined while it is down. */
  current(): Running | undefined;
  /** How often it has ended by itself. */
  deaths(): number;
  /** Ends it by the given function, which resolves when the process is gone, and starts it no more. */
  stop(end: (running: Running) => Promise<void>): Promise<void>;
}

/** What a supervisor tells of, and how long it pauses. */
export interface SupervisorEvents {
  /** It runs again; current() is the new process. Not told of the first start. */
  restarted(): void;
  /** It ended, and is started again after `delayMs`. */
  died(how: string, delayMs: number): void;
  /** It could not be started again, and that is tried again after `delayMs`. */
  failed(cause: unknown, delayMs: number): void;
  /** The longest pause, in milliseconds, before a further start. Default 10 s. */
  readonly longestDelayMs?: number | undefined;
}

const shortestDelayMs = 100;
/** After this long a life, a death counts as the first again. */
const settledMs = 30_000;

/**
 * Starts a process and keeps it running: a death is followed by a new start, at first at once, then ever later (to
 * 10 s) if deaths follow each other. The first start's failure is the caller's.
 */
export async function supervise(
  start: () => Promise<Running>,
  events: SupervisorEvents,
): Promise<Supervised> {
  const { longestDelayMs = 10_000 } = events;
  const stopping = new AbortController();
  let end: ((running: Running) => Promise<void>) | undefined;
  let deaths = 0;
  let delay = shortestDelayMs;
  let current: Running | undefined = await start();

  const keep = async () => {
    while (current) {
      const born = Date.now();
      const how = await current.exited;
      current = undefined;
      if (stopping.signal.aborted) return;
      deaths += 1;
      if (Date.now() - born > settledMs) delay = shortestDelayMs;
      events.died(how, delay);
      await startAgain();
      // Stopped while the start was under way: whoever stopped it found no process to end.
      if (current && end) await end(current);
    }
  };
  const startAgain = async () => {
    while (!current) {
      await sleep(delay, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      delay = Math.min(delay * 2, longestDelayMs);
      try {
        current = await start();
        events.restarted();
      } catch (cause) {
        events.failed(cause, delay);
      }
    }
  };
  const keeping = keep();

  return {
    current: () => current,
    deaths: () => deaths,
    stop: async (how) => {
      end = how;
      stopping.abort();
      if (current) await how(current);
      await keeping;
    },
  };
}
