import type { LoadSettings } from './config.ts';
import type { GeneratorUse } from './generators.ts';
import type { Sample } from './protocol.ts';
import { rateAt } from './schedule.ts';
import { histogram } from './tally.ts';

/** Tells what goes on, in one line that is written over on a terminal, and else in a line each time. */
export interface Display {
  /** Replaces what it told last. */
  now(text: string): void;
  /** Stays. */
  line(text: string): void;
}

/** What is not a terminal gets no more than a line in so many milliseconds. */
const LINE_MS = 900;

/** A display on stderr: stdout has the result. */
export function createDisplay(out: NodeJS.WriteStream = process.stderr): Display {
  const over = out.isTTY ? '\r\x1b[K' : '';
  let told = Number.NEGATIVE_INFINITY;
  return {
    now(text) {
      if (over !== '') return void out.write(`${over}${text.slice(0, (out.columns ?? 80) - 1)}`);
      if (text === '' || performance.now() - told < LINE_MS) return;
      told = performance.now();
      out.write(`${text}\n`);
    },
    line: (text) => void out.write(`${over}${text}\n`),
  };
}

/** Gathers what to show of the last second. */
export function createLive(settings: LoadSettings) {
  const { durationS, warmUpS } = settings;
  let latency = histogram(2);
  let answered = 0;
  let failed = 0;
  let failedAll = 0;
  return {
    add({ latency: micros, code }: Sample): void {
      if (code === 'OK') answered += 1;
      else failed += 1;
      latency.recordValue(Math.min(60e6, Math.max(0, Math.round(micros))));
    },
    /** One line on the time since it was last asked. `second`: since the beginning, negative in the warm-up. */
    take(second: number, { cpuAll, outstanding }: GeneratorUse, passedS: number): string {
      const at = (percentile: number) => (latency.getValueAtPercentile(percentile) / 1_000).toFixed(0);
      failedAll += failed;
      const warm = rateAt(settings, 0) * (1 + second / Math.max(1, warmUpS));
      const intended = second < 0 ? Math.max(0, warm) : rateAt(settings, second);
      const line = [
        second < 0 ? `warm-up ${(-second).toFixed(0)} s` : `${second.toFixed(0)} of ${durationS} s`,
        `${((answered + failed) / passedS).toFixed(0)}/s of ${intended.toFixed(0)}/s`,
        `failed ${failedAll}`,
        `p50 ${at(50)} ms, p99 ${at(99)} ms`,
        `under way ${outstanding}`,
        `own CPU ${(100 * cpuAll).toFixed(0)} %`,
      ].join('  ');
      latency = histogram(2);
      answered = 0;
      failed = 0;
      return line;
    },
  };
}
