import { parseConfig } from './config.ts';
import { count } from './validators.ts';

/** How much the model of transactions explores. */
export interface ModelConfig {
  /** How many histories. */
  readonly runs: number;
  /** Where the random numbers begin: the same seed gives the same histories. */
  readonly seed: number;
}

/** From RUNS (default 10,000) and SEED (default another each time), both up to a million. Throws ConfigError. */
export function modelConfig(): ModelConfig {
  const spec = {
    RUNS: count({ default: 10_000, desc: 'how many histories' }),
    SEED: count({ default: 1 + (Date.now() % 1_000_000), desc: 'where the random numbers begin' }),
  };
  const { RUNS: runs, SEED: seed } = parseConfig(spec, process.env);
  return { runs, seed };
}
