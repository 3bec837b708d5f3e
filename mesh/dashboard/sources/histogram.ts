/** Counts by bucket: the bucket's lower bound, its width, and how many were in it. All of one unit. */
export type Histogram = ReadonlyMap<number, Bucket>;

/** One bucket; `width` 0 where nothing is known beyond its lower bound. */
export interface Bucket {
  readonly width: number;
  readonly count: number;
}

/** What is in `now` and was not yet in `before`: a process that started anew begins at nothing. */
export function since(before: Histogram | undefined, now: Histogram): Histogram {
  if (before === undefined) return now;
  const difference = new Map<number, Bucket>();
  for (const [lower, { width, count }] of now) {
    const more = count - (before.get(lower)?.count ?? 0);
    if (more < 0) return now;
    if (more > 0) difference.set(lower, { width, count: more });
  }
  return difference;
}

/** Both together. */
export function merged(histograms: Iterable<Histogram>): Histogram {
  const sum = new Map<number, Bucket>();
  for (const histogram of histograms) {
    for (const [lower, { width, count }] of histogram) {
      sum.set(lower, { width, count: count + (sum.get(lower)?.count ?? 0) });
    }
  }
  return sum;
}

/** How many there are. */
export function size(histogram: Histogram): number {
  let sum = 0;
  for (const { count } of histogram.values()) sum += count;
  return sum;
}

/**
 * The values that the given parts, each from 0 to 1, stay under, linear within a bucket; undefined where there is
 * nothing.
 */
export function quantiles(histogram: Histogram, parts: readonly number[]): number[] | undefined {
  const total = size(histogram);
  if (total === 0) return undefined;
  const buckets = [...histogram].sort(([a], [b]) => a - b);
  return parts.map((part) => {
    let rest = part * total;
    for (const [lower, { width, count }] of buckets) {
      if (rest <= count) return lower + (width * rest) / count;
      rest -= count;
    }
    const [lower, { width }] = buckets.at(-1) as [number, Bucket];
    return lower + width;
  });
}

/** The last few of a row of histograms, so that a quantile of a second with few calls doesn't jump about. */
export function createWindow(length: number): { add(histogram: Histogram): Histogram } {
  const last: Histogram[] = [];
  return {
    add(histogram) {
      last.push(histogram);
      if (last.length > length) last.shift();
      return merged(last);
    },
  };
}
