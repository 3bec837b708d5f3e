import type { History } from './messages.ts';

/** The last moments of many series, in memory of a fixed size. */
export interface Recorder {
  /** Adds a moment: its time in milliseconds since the epoch, and the values of the series that have one. */
  add(time: number, values: ReadonlyMap<string, number>): void;
  /** What is known of the last `durationMs`. */
  read(): History;
}

/** How much is kept at most. */
export interface HistoryBounds {
  readonly moments: number;
  readonly series: number;
  readonly durationMs: number;
}

/**
 * 15 minutes of moments a second apart, of 1,000 series: 3.6 MB of single-precision numbers. A shop of six instances
 * has about 300.
 */
export const usualBounds: HistoryBounds = { moments: 900, series: 1_000, durationMs: 15 * 60_000 };

/** Rings that share one position. A series beyond the bound is not recorded until one without values has gone. */
export function createHistory({ moments, series: most, durationMs }: HistoryBounds = usualBounds): Recorder {
  const times = new Float64Array(moments);
  const series = new Map<string, Float32Array>();
  let added = 0;

  const forgetEmpty = () => {
    for (const [name, ring] of series) if (ring.every(Number.isNaN)) series.delete(name);
  };
  return {
    add(time, values) {
      const position = added % moments;
      times[position] = time;
      for (const ring of series.values()) ring[position] = Number.NaN;
      if (position === 0) forgetEmpty();
      for (const [name, value] of values) {
        let ring = series.get(name);
        if (!ring && series.size < most) {
          ring = new Float32Array(moments).fill(Number.NaN);
          series.set(name, ring);
        }
        if (ring) ring[position] = value;
      }
      added += 1;
    },
    read() {
      const first = Math.max(0, added - moments);
      const newest = times[(added - 1 + moments) % moments] ?? 0;
      const positions = Array.from({ length: added - first }, (_, n) => (first + n) % moments).filter(
        (position) => newest - (times[position] ?? 0) < durationMs,
      );
      return {
        times: positions.map((position) => times[position] ?? 0),
        series: Object.fromEntries(
          [...series].map(([name, ring]) => [name, positions.map((position) => rounded(ring[position]))]),
        ),
      };
    },
  };
}

/** Four digits, as more would only make the message longer; null where there is no value. */
export function rounded(value = Number.NaN): number | null {
  return Number.isNaN(value) ? null : Number(value.toPrecision(4));
}
