/** What a trial at a rate came to. */
export interface Trial {
  readonly rate: number;
  /** Why the budgets were not kept; empty: they were. */
  readonly broken: readonly string[];
}

/** What a search found. */
export interface Found {
  /** The highest rate that a longer trial confirmed; 0: none. */
  readonly rate: number;
  readonly trials: readonly Trial[];
  /** Why it went no further, where it did not come to its end. */
  readonly cut: 'time' | 'highest' | 'stopped' | undefined;
}

/** How to search. */
export interface Search {
  /** The first rate, and the highest that is tried. */
  readonly from: number;
  readonly most: number;
  /** Makes a trial; a longer one where `confirm` is set. */
  readonly trial: (rate: number, confirm: boolean) => Promise<readonly string[]>;
  /** Whether there is time for another trial; one that confirms is always made. */
  readonly timeLeft: () => boolean;
}

/** The search ends where the highest rate that is good and the lowest that is not are so close: a share of it. */
const CLOSE = 0.06;
/** What a rate that a longer trial doesn't confirm is lowered to. */
const STEP_DOWN = 0.85;
const CONFIRMATIONS = 4;

/**
 * Finds the highest rate within the budgets: doubles it until they break, halves what is between, then makes longer
 * trials of the best, each at a lower rate, until one confirms it. A rate that breaks is tried a second time: a machine
 * has its moments.
 */
export async function findMax({ from, most, trial, timeLeft }: Search): Promise<Found> {
  const trials: Trial[] = [];
  const attempt = async (rate: number, confirm = false): Promise<boolean> => {
    const broken = await trial(rate, confirm);
    trials.push({ rate, broken });
    return broken.length === 0;
  };
  const twice = async (rate: number) => (await attempt(rate)) || (timeLeft() && (await attempt(rate)));

  let good = 0;
  let bad = Number.POSITIVE_INFINITY;
  let cut: Found['cut'];
  for (let rate = from; bad === Number.POSITIVE_INFINITY; rate = Math.min(most, 2 * rate)) {
    if (await twice(rate)) good = rate;
    else bad = rate;
    if (good >= most) cut = 'highest';
    else if (!timeLeft()) cut = 'time';
    if (cut) break;
  }
  // Below the first rate, where that was too much already.
  while (!cut && bad - good > CLOSE * bad && bad > 1) {
    const rate = Math.max(1, Math.round((good + bad) / 2));
    if (rate === good || rate === bad) break;
    if (await twice(rate)) good = rate;
    else bad = rate;
    if (!timeLeft()) cut = 'time';
  }
  let rate = good;
  for (let n = 0; n < CONFIRMATIONS && rate >= 1; n++) {
    if (await attempt(rate, true)) return { rate, trials, cut };
    rate = Math.floor(rate * STEP_DOWN);
  }
  return { rate: 0, trials, cut };
}

/** The reason of a trial that a person stopped. */
export const STOPPED = 'stopped';

/** A search that a person stopped: what was under way then says nothing of the shop. */
export function stoppedEarly({ rate, trials }: Found): Found {
  return { rate, trials: trials.filter(({ broken }) => broken[0] !== STOPPED), cut: 'stopped' };
}

/** What a search found, in a sentence. */
export function foundWords({ rate, trials, cut }: Found): string {
  if (rate > 0) return `Highest rate within the budgets: ${rate} calls a second.`;
  if (cut !== 'stopped') return 'No rate keeps the budgets.';
  const kept = Math.max(0, ...trials.flatMap((trial) => (trial.broken.length === 0 ? trial.rate : [])));
  const soFar = kept > 0 ? `: in a short trial budgets were kept at ${kept} calls a second` : '';
  return `Stopped before a rate was confirmed${soFar}.`;
}
