import { randomInt } from 'node:crypto';
import type { DatabaseTopology, EventTransport } from '../../mesh/local/config.ts';

/** How long to make trouble, and which. */
export interface ChaosConfig {
  /** MINUTES, default 5; fractions are taken. */
  readonly minutes: number;
  /** SEED: what is done when, and to whom, follows from it. Default: another each time. */
  readonly seed: number;
  /** REPLICAS: instances of each service, default 2. */
  readonly replicas: number;
  /** DB: single, or ha. Default single. */
  readonly database: DatabaseTopology;
  /** EVENTS: embedded, or nats, whose broker is killed too. Default embedded. */
  readonly events: EventTransport;
  /** WORKERS: clients that each have one call under way, default 12. */
  readonly workers: number;
}

/** Reads the environment; throws on what is out of range. */
export function chaosConfig(env = process.env): ChaosConfig {
  const read = (name: string, fallback: number, min: number, max: number) => {
    const value = Number(env[name] || fallback);
    if (!(value >= min && value <= max)) throw new Error(`${name} must be a number from ${min} to ${max}`);
    return value;
  };
  const database = env.DB || 'single';
  if (database !== 'single' && database !== 'ha') throw new Error('DB must be single or ha');
  const events = env.EVENTS || 'embedded';
  if (events !== 'embedded' && events !== 'nats') throw new Error('EVENTS must be embedded or nats');
  return {
    database,
    events,
    minutes: read('MINUTES', 5, 0.1, 1_440),
    seed: Math.trunc(read('SEED', randomInt(2 ** 32), 0, 2 ** 32 - 1)),
    replicas: Math.trunc(read('REPLICAS', 2, 2, 8)),
    workers: Math.trunc(read('WORKERS', 12, 1, 200)),
  };
}
