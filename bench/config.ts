/** How long and how hard the benchmarks run. */
export interface BenchConfig {
  /** Rounds that count; one more warms up. ROUNDS, default 5. */
  readonly rounds: number;
  /** Of each subject in each round. SECONDS, default 3. */
  readonly seconds: number;
  /** Calls under way at any time. CONCURRENCY, default 64. */
  readonly concurrency: number;
}

/** Reads the environment; throws on what isn't a number from 1 to 1,000. */
export function benchConfig(env = process.env): BenchConfig {
  const read = (name: string, fallback: number) => {
    const value = Number(env[name] || fallback);
    if (!(value >= 1 && value <= 1_000)) throw new Error(`${name} must be a number from 1 to 1000`);
    return value;
  };
  return { rounds: read('ROUNDS', 5), seconds: read('SECONDS', 3), concurrency: read('CONCURRENCY', 64) };
}
