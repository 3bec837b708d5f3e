/** Bounds of the pauses between attempts, in milliseconds. */
export interface Bounds {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** The pause after the `failures`-th failure in a row (from 1): doubled each time, a quarter more or less. */
export function backoffMs({ firstMs, mostMs }: Bounds, failures: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30)) * (0.75 + Math.random() / 2);
}
