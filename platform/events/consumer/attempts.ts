import { backoffMs } from './backoff.ts';
import { UNKNOWN_VERSION } from './catalogue.ts';
import { nameFailure } from './failure.ts';
import type { NewParked } from './parked-store.ts';

/** After so many attempts, which take about nine minutes, an event is left to an operator. */
const MAX_ATTEMPTS = 10;
const PAUSES = { firstMs: 1_000, mostMs: 5 * 60_000 };

/** Where an event stands after its `attempts`-th attempt has failed. */
export function afterFailure(
  error: unknown,
  attempts: number,
): Pick<NewParked, 'lastError' | 'retryMs'> & { state: 'RETRYING' | 'PARKED' } {
  const lastError = nameFailure(error);
  const again = lastError !== UNKNOWN_VERSION && attempts < MAX_ATTEMPTS;
  return again
    ? { state: 'RETRYING', lastError, retryMs: backoffMs(PAUSES, attempts) }
    : { state: 'PARKED', lastError, retryMs: null };
}
