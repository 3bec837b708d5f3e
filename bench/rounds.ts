/**
 * Measures every subject once in each round, so that a slow moment of the machine hits all of them. The first round
 * warms up and doesn't count.
 */
export async function inRounds<Names extends string, Result>(
  rounds: number,
  subjects: Readonly<Record<Names, () => Promise<Result>>>,
): Promise<Record<Names, Result[]>> {
  const results = {} as Record<Names, Result[]>;
  for (const name of Object.keys(subjects) as Names[]) results[name] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const name of Object.keys(subjects) as Names[]) {
      process.stderr.write(`\rround ${round} of ${rounds}: ${name}`.padEnd(70));
      const result = await subjects[name]();
      if (round > 0) results[name].push(result);
    }
  }
  process.stderr.write('\r\x1b[K');
  return results;
}

/** The middle of the values of `key`. */
export function median<T>(rows: readonly T[], key: (row: T) => number): number {
  const sorted = rows.map(key).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** What the values of `key` in `rows` are of those in `others`: the middle of the rounds, each compared with itself. */
export function medianTimes<T>(rows: readonly T[], others: readonly T[], key: (row: T) => number): string {
  const ratios = rows.map((row, round) => key(row) / key(others[round] as T));
  return median(ratios, (ratio) => ratio).toFixed(2);
}

/** `a` as so many times `b`. */
export const times = (a: number, b: number): string => (a / b).toFixed(2);
