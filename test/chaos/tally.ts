/** Counts calls by method and outcome. */
export interface Tally {
  /** Counts an attempt, and how long its caller has been at it, repeats included. */
  count(method: string, outcome: string, ms: number): void;
  /** By method, then by outcome. */
  outcomes(): ReadonlyMap<string, ReadonlyMap<string, number>>;
  calls(): number;
  /** Outcomes by which a service owns up to a fault of its own: the contract has no INTERNAL. */
  faults(): string[];
  /** The longest, in milliseconds, that a caller was at a call. */
  slowestMs(): number;
}

/** An empty tally. */
export function createTally(): Tally {
  const outcomes = new Map<string, Map<string, number>>();
  let calls = 0;
  let slowest = 0;
  return {
    count(method, outcome, ms) {
      calls += 1;
      slowest = Math.max(slowest, ms);
      const counted = outcomes.get(method) ?? new Map<string, number>();
      outcomes.set(method, counted.set(outcome, (counted.get(outcome) ?? 0) + 1));
    },
    outcomes: () => outcomes,
    calls: () => calls,
    faults: () =>
      [...outcomes].flatMap(([method, counts]) =>
        // With a reason it is the service's own word, and not the connection's.
        [...counts.keys()]
          .filter((outcome) => /^(Internal|Unknown|DataLoss) /.test(outcome))
          .map((outcome) => `${method}: ${outcome}`),
      ),
    slowestMs: () => slowest,
  };
}
