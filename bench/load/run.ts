import type { LoadSettings } from './config.ts';
import { type GeneratorUse, startGenerators } from './generators.ts';
import { createLive, type Display } from './live.ts';
import type { BookContents } from './order-book.ts';
import { type GeneratorFigures, latencyOf, round } from './report.ts';
import type { World } from './sessions.ts';
import { createTally, LATE_MS, type Tally } from './tally.ts';

/** What a run brought. */
export interface RunResult {
  readonly tally: Tally;
  readonly book: BookContents;
  readonly generator: GeneratorFigures;
  /** Processor time of the generators, the warm-up included. */
  readonly generatorCpuSeconds: number;
  /** What the generators used in each second that counts, as shares of a core. */
  readonly cpu: readonly number[];
  /** How long calls were begun, in seconds. */
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly startAt: number;
  readonly interrupted: boolean;
}

/** How to run. */
export interface RunOptions {
  readonly address: string;
  readonly world: World;
  readonly display: Display;
  /** Ends the run early: no more calls are begun. */
  readonly signal: AbortSignal;
}

/** A generator that uses more than this of a core can't be on time. */
const BUSY = 0.85;
/** Of calls that begin late, as many are borne: a machine has its moments. */
const LATE_SHARE = 0.01;

/** Makes the calls, and shows each second what they come to. */
export async function run(settings: LoadSettings, options: RunOptions): Promise<RunResult> {
  const { address, world, display, signal } = options;
  const tally = createTally(settings.durationS);
  const live = createLive(settings);
  const generators = startGenerators(settings, world, address, (sample) => {
    tally.add(sample);
    live.add(sample);
  });
  const { startAt } = generators;
  const uses: GeneratorUse[] = [];
  const cpu: number[] = [];
  let shown = performance.now();
  const tick = setInterval(() => {
    const passedS = (performance.now() - shown) / 1_000;
    shown = performance.now();
    const use = generators.use();
    const second = (Date.now() - startAt) / 1_000;
    if (second > 0.5 && second < settings.durationS + 0.5) {
      uses.push(use);
      cpu[Math.round(second) - 1] = use.cpuAll;
    }
    display.now(live.take(second, use, passedS));
  }, 1_000);
  let stoppedAt: number | undefined;
  const stop = () => {
    stoppedAt = Date.now();
    generators.stop();
    display.line('Stopped: waiting for the calls that are under way.');
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const book = await generators.done;
    const ran = ((stoppedAt ?? Number.POSITIVE_INFINITY) - startAt) / 1_000;
    const interrupted = ran < settings.durationS;
    return {
      ...{ tally, book, startAt, interrupted, cpu },
      generatorCpuSeconds: generators.cpuSeconds(),
      seconds: Math.max(0, Math.min(settings.durationS, ran)),
      generator: generatorFigures(settings, tally, uses),
    };
  } finally {
    clearInterval(tick);
    signal.removeEventListener('abort', stop);
  }
}

function generatorFigures(
  { generators, outstanding }: LoadSettings,
  tally: Tally,
  uses: readonly GeneratorUse[],
): GeneratorFigures {
  const most = (key: keyof GeneratorUse) => round(Math.max(0, ...uses.map((use) => use[key])));
  const mean = uses.reduce((all, { cpuAll }) => all + cpuAll, 0) / Math.max(1, uses.length);
  const { late, lateness, notSent } = tally;
  const cpuMost = most('cpuMost');
  const warnings: string[] = [];
  if (cpuMost > BUSY)
    warnings.push(`a generator used ${(100 * cpuMost).toFixed(0)} % of a core: use more GENERATORS`);
  if (late > LATE_SHARE * lateness.totalCount)
    warnings.push(
      `${late} of ${lateness.totalCount} calls began more than ${LATE_MS} ms late: the machine has no time for the generator`,
    );
  if (notSent > 0)
    warnings.push(`${notSent} calls were not sent, as ${outstanding} were under way: they count as failed`);
  return {
    ...{ processes: generators, late, notSent, warnings, cpuMost },
    cpuMean: round(mean),
    busiest: most('utilization'),
    loopDelayMs: most('loopDelayMs'),
    lateness: latencyOf(lateness),
  };
}
