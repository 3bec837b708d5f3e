/** How calls are gathered. */
export interface BatcherOptions<K, R> {
  /**
   * Answers `keys` in their order, with as many entries; an `Error` entry fails that caller only. A rejection
   * fails every caller of the batch.
   */
  run(keys: K[]): Promise<(R | Error)[]>;
  /** The most keys in one run. */
  maxSize: number;
  /** How many runs may be under way at once. Default 1. */
  maxInFlight?: number;
}

interface Waiting<K, R> {
  readonly key: K;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one run out of calls that arrive together. There is no timer: a call that finds a free slot starts at
 * once, and what arrives while all slots are taken forms the next run. So a lone caller waits for nothing, and
 * batches grow by themselves under load.
 */
export function createBatcher<K, R>(options: BatcherOptions<K, R>): (key: K) => Promise<R> {
  const { run, maxSize, maxInFlight = 1 } = options;
  if (maxSize < 1 || maxInFlight < 1) throw new RangeError('maxSize and maxInFlight must be at least 1');
  let queue: Waiting<K, R>[] = [];
  let inFlight = 0;

  async function dispatch(batch: Waiting<K, R>[]): Promise<void> {
    inFlight++;
    try {
      const results = await run(batch.map((waiting) => waiting.key));
      if (results.length !== batch.length) {
        throw new Error(`a batch of ${batch.length} keys got ${results.length} results`);
      }
      for (let index = 0; index < batch.length; index++) {
        const result = results[index] as R | Error;
        if (result instanceof Error) batch[index]?.reject(result);
        else batch[index]?.resolve(result);
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    } finally {
      inFlight--;
      next();
    }
  }

  function next(): void {
    if (queue.length === 0 || inFlight >= maxInFlight) return;
    const batch = queue.length <= maxSize ? queue : queue.slice(0, maxSize);
    queue = queue.length <= maxSize ? [] : queue.slice(maxSize);
    void dispatch(batch);
  }

  return (key) =>
    new Promise<R>((resolve, reject) => {
      queue.push({ key, resolve, reject });
      next();
    });
}
