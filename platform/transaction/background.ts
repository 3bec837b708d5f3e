import type { Clock, TransactionLogger } from './runtime.ts';

/** Work that outlives the call that began it. */
export interface Background {
  /** Lets `work` run on. A failure is logged: whatever must happen is in the log of transactions. */
  add(work: Promise<unknown>): void;
  /** Lets `work` run on, and waits for it for `SOON_MS` at most. */
  soon(work: Promise<unknown>): Promise<void>;
  /** Waits until nothing is left, for a drain. */
  idle(): Promise<void>;
}

/** How long a reply is held back so that what was taken is seen to be back when the client reads it. */
const SOON_MS = 1_500;

/** Work of one process. */
export function createBackground(clock: Clock, log: TransactionLogger): Background {
  const running = new Set<Promise<void>>();

  function track(work: Promise<unknown>): Promise<void> {
    const tracked = work.then(
      () => {},
      (error: unknown) => log.warn({ err: error }, 'background work failed'),
    );
    running.add(tracked);
    void tracked.then(() => running.delete(tracked));
    return tracked;
  }

  return {
    add: (work) => void track(work),
    async soon(work) {
      const timer = new AbortController();
      await Promise.race([track(work), clock.sleep(SOON_MS, timer.signal)]);
      timer.abort();
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
