/** Values by name. */
export type Values = ReadonlyMap<string, number>;

/**
 * How much each counter grew. A counter that is new counts from nothing, and so does one that is smaller than it was:
 * its process started anew. Without `before` nothing is known to have grown.
 */
export function growth(before: Values | undefined, now: Values): Map<string, number> {
  const grown = new Map<string, number>();
  if (before === undefined) return grown;
  for (const [name, value] of now) {
    const old = before.get(name) ?? 0;
    const more = value < old ? value : value - old;
    if (more > 0) grown.set(name, more);
  }
  return grown;
}
