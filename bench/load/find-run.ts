import { setTimeout as sleep } from 'node:timers/promises';
import { generatorsFor, type LoadConfig, type LoadSettings, settingsOf } from './config.ts';
import { type Found, findMax, STOPPED, stoppedEarly } from './find.ts';
import type { Display } from './live.ts';
import { type MeasuredRun, measureRun } from './measure-run.ts';
import type { BookContents } from './order-book.ts';
import type { Report } from './report.ts';
import type { Target } from './target.ts';

/** What a search brought. */
export interface FoundRun {
  readonly found: Found;
  /** Of the last trial, which confirmed the rate if one was found; undefined if it was stopped before. */
  readonly report: Report | undefined;
  /** Of all trials. */
  readonly books: readonly BookContents[];
}

/** Each trial, after a warm-up that doesn't count, in seconds. */
const TRIAL = { durationS: 6, warmUpS: 2 };
const CONFIRMATION = { durationS: 20, warmUpS: 3 };
/** No more trials are begun after so long, in milliseconds; those that confirm come on top, two minutes at most. */
const LIMIT_MS = 180_000;
/** What was begun in one trial is done before the next, in milliseconds. */
const PAUSE_MS = 1_500;
const HIGHEST_RATE = 10_000;

/** Looks for the highest rate at which the shop keeps the budgets. */
export async function findRun(
  config: LoadConfig,
  target: Target,
  display: Display,
  signal: AbortSignal,
): Promise<FoundRun> {
  const end = performance.now() + LIMIT_MS;
  const books: BookContents[] = [];
  let last: MeasuredRun | undefined;
  const settings = settingsOf(config);
  const found = await findMax({
    from: Math.max(1, Math.round(config.rate / 2)),
    most: HIGHEST_RATE,
    timeLeft: () => performance.now() < end && !signal.aborted,
    async trial(rate, confirm) {
      if (signal.aborted) return [STOPPED];
      const course: LoadSettings = {
        ...settings,
        ...(confirm ? CONFIRMATION : TRIAL),
        ...{ rate, profile: 'steady', generators: Math.max(settings.generators, generatorsFor(rate)) },
      };
      last = await measureRun(course, target, display, signal);
      books.push(last.book);
      const { failures, interrupted, all } = last.report;
      const broken = interrupted ? [STOPPED] : failures;
      const complaints = broken.slice(0, 2).join('; ');
      const outcome = interrupted ? STOPPED : broken.length === 0 ? 'kept' : `broken: ${complaints}`;
      const { p50, p99 } = all.latencyMs;
      display.line(
        `${confirm ? 'Confirming' : 'Tried'} ${rate}/s: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${outcome}`,
      );
      await sleep(PAUSE_MS);
      return broken;
    },
  });
  return { found: signal.aborted ? stoppedEarly(found) : found, books, report: last?.report };
}
