import { createWindow, type Histogram, quantiles } from './histogram.ts';

/** Calls that ended within a moment, between two parts of the shop or of one method. */
export interface Calls {
  /** All of them, those that failed or were refused included. */
  readonly ended: number;
  /** Those that failed by the shop's fault, and those that were refused as they should be: see status.ts. */
  readonly failed: number;
  readonly refused: number;
  /** Tries beyond the first; absent where nobody counts them. */
  readonly retries?: number;
  /** In milliseconds. */
  readonly latencies: Histogram;
}

const PARTS = { p50: 0.5, p95: 0.95, p99: 0.99, p999: 0.999 };
/** Quantiles are of so many moments together. */
const moments = 5;

/** Turns the calls of each moment into series: `<subject>|rate`, a second, and so on; latencies of the last moments. */
export function createCallSeries(): (
  subjects: ReadonlyMap<string, Calls>,
  seconds: number,
  series: Map<string, number>,
) => void {
  const windows = new Map<string, ReturnType<typeof createWindow>>();
  return (subjects, seconds, series) => {
    for (const name of windows.keys()) if (!subjects.has(name)) windows.delete(name);
    for (const [name, { ended, failed, refused, retries, latencies }] of subjects) {
      let window = windows.get(name);
      if (!window) {
        window = createWindow(moments);
        windows.set(name, window);
      }
      series.set(`${name}|rate`, ended / seconds);
      series.set(`${name}|failed`, failed / seconds);
      series.set(`${name}|refused`, refused / seconds);
      if (retries !== undefined) series.set(`${name}|retries`, retries / seconds);
      const values = quantiles(window.add(latencies), Object.values(PARTS));
      for (const [n, part] of Object.keys(PARTS).entries()) {
        if (values) series.set(`${name}|${part}`, values[n] ?? 0);
      }
    }
  };
}
