import { currentSpan, within } from '../telemetry/span.ts';
import type { TraceContext } from '../telemetry/trace.ts';
import { createDepartures, type DepartureOptions } from './departures.ts';

/** How calls are gathered. */
export interface BatcherOptions<K, R> extends DepartureOptions {
  /**
   * Answers `keys` in their order, with as many entries; an `Error` entry fails that caller only. A rejection
   * fails every caller of the batch.
   */
  run(keys: K[]): Promise<(R | Error)[]>;
}

interface Waiting<K, R> {
  readonly key: K;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
  /** The caller's. */
  readonly span: TraceContext | undefined;
}

/**
 * Makes one run out of calls that arrive together, as departures.ts says. It is part of the first caller's span that is
 * recorded, if any is.
 */
export function createBatcher<K, R>(options: BatcherOptions<K, R>): (key: K) => Promise<R> {
  const { run, ...departures } = options;

  async function dispatch(batch: Waiting<K, R>[]): Promise<void> {
    try {
      const span = batch.find((waiting) => waiting.span !== undefined)?.span;
      const results = await within(span, () => run(batch.map((waiting) => waiting.key)));
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
    }
  }

  const depart = createDepartures(dispatch, departures);
  return (key) => new Promise<R>((resolve, reject) => depart({ key, resolve, reject, span: currentSpan() }));
}
