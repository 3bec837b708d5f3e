import { complaint, judge } from './budgets.ts';
import type { LoadSettings } from './config.ts';
import type { Display } from './live.ts';
import {
  allCalls,
  type GeneratorFigures,
  methodsOf,
  partsOf,
  type Report,
  SCHEMA,
  timelineOf,
} from './report.ts';
import { type RunResult, run } from './run.ts';
import { type ShopUse, watchShop } from './shop-use.ts';
import { sum } from './tally.ts';
import type { Target } from './target.ts';

/** A run with its figures, before the invariants are checked. */
export interface MeasuredRun {
  readonly report: Report;
  readonly book: RunResult['book'];
}

/** Runs a load and puts its figures together. */
export async function measureRun(
  settings: LoadSettings,
  { shop, world, environment, budgets }: Target,
  display: Display,
  signal: AbortSignal,
): Promise<MeasuredRun> {
  const look = watchShop(shop);
  const { address } = shop;
  const result = await run(settings, { address, world, display, signal });
  const { tally, book, seconds, startAt, interrupted, cpu } = result;
  const use = await look(result);
  const generator = warned(result.generator, use);
  const all = allCalls(tally, seconds);
  const methods = methodsOf(tally, seconds);
  const verdicts = judge(budgets, { all, methods, generator });
  const report: Report = {
    schema: SCHEMA,
    begun: new Date(startAt).toISOString(),
    ...{ settings, environment, interrupted, seconds, all, methods, generator },
    warmUpCalls: tally.warmUpCalls,
    timeline: timelineOf(tally.seconds, settings, cpu),
    parts: partsOf(tally.seconds, settings),
    shop: use,
    budgets: verdicts,
    invariants: undefined,
    failures: verdicts.filter(({ verdict }) => verdict === 'broken').map(complaint),
  };
  return { report, book };
}

/** Of the machine's processor time others may use so much, as a share of what the shop does. */
const OTHERS_SHARE = 0.15;

/** Adds what the machine had to do besides. */
function warned(
  generator: GeneratorFigures,
  { othersCpuSeconds, cpuSeconds, started }: ShopUse,
): GeneratorFigures {
  const shop = sum(Object.values(cpuSeconds));
  // What a process used that was killed is known of nobody.
  if (started.length > 0 || othersCpuSeconds <= OTHERS_SHARE * shop) return generator;
  const warning =
    `other programs used ${othersCpuSeconds.toFixed(1)} s of processor time, the shop ${shop.toFixed(1)} s: ` +
    'on a machine of its own it does better';
  return { ...generator, warnings: [...generator.warnings, warning] };
}
