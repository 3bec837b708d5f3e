/** Wakes one who waits. */
export interface Bell {
  /** Ends the wait, or the next one if nobody waits. */
  ring(): void;
  /** Resolves when it rings, after `ms` milliseconds, or when the signal aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A bell that has not rung. It keeps no process alive. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms, signal) {
      if (!rung && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, ms).unref();
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
          signal?.addEventListener('abort', wake, { once: true });
        }).finally(() => wake && signal?.removeEventListener('abort', wake));
        wake = undefined;
      }
      rung = false;
    },
  };
}

/** Resolves after `ms` milliseconds, if there are any, or when the signal aborts. It keeps no process alive. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await createBell().wait(ms, signal);
}
