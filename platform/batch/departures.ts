/** When what waits sets out. */
export interface DepartureOptions {
  /** The most items in one run. */
  readonly maxSize: number;
  /** How many runs may be under way at once. Default 8. */
  readonly maxInFlight?: number;
  /** How long, in milliseconds, a run may be away before it holds up the next no longer. Default 50. */
  readonly patienceMs?: number;
  /** The least time, in milliseconds, from one start to the next, for what nobody waits for. Default 0. */
  readonly gatherMs?: number;
}

/**
 * Lets items that arrive together set out together: those that come in one turn of the event loop, and those that come
 * while a run is under way. So a lone item waits for nothing, and runs grow by themselves under load: that there is one
 * at a time is what makes them large. A further one starts beside it only when the last has been away for `patienceMs`,
 * because one that hangs must not hold up the others, or when it is full.
 *
 * @param run never rejects
 */
export function createDepartures<T>(
  run: (items: T[]) => Promise<void>,
  { maxSize, maxInFlight = 8, patienceMs = 50, gatherMs = 0 }: DepartureOptions,
): (item: T) => void {
  if (maxSize < 1 || maxInFlight < 1) throw new RangeError('maxSize and maxInFlight must be at least 1');
  let queue: T[] = [];
  let inFlight = 0;
  let lastStart = Number.NEGATIVE_INFINITY;
  let scheduled = false;
  let timer: NodeJS.Timeout | undefined;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // After all that this turn of the loop still brings: what one run held together wants the same next thing.
    setImmediate(depart);
  }

  function depart(): void {
    scheduled = false;
    clearTimeout(timer);
    timer = undefined;
    while (queue.length > 0) {
      const wait = untilNext();
      if (wait > 0) {
        if (wait < Number.POSITIVE_INFINITY) timer = setTimeout(depart, wait);
        return;
      }
      const items = queue.slice(0, maxSize);
      queue = queue.slice(maxSize);
      inFlight++;
      lastStart = performance.now();
      void run(items).then(() => {
        inFlight--;
        if (queue.length > 0) schedule();
      });
    }
  }

  /** Milliseconds until what waits may set out; Infinity: not before a run has ended. */
  function untilNext(): number {
    if (inFlight >= maxInFlight) return Number.POSITIVE_INFINITY;
    if (queue.length >= maxSize) return 0;
    return lastStart + Math.max(gatherMs, inFlight === 0 ? 0 : patienceMs) - performance.now();
  }

  return (item) => {
    queue.push(item);
    // A timer that runs brings all of it, but for a full run.
    if (timer === undefined || queue.length >= maxSize) schedule();
  };
}
