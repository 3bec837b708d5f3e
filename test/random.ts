/** Random choices that a seed determines. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** A whole number, both ends included. */
  integer(min: number, max: number): number;
  /** True in so many of 100 cases. */
  percent(chance: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** The same in a random order. */
  shuffle<T>(choices: readonly T[]): T[];
  /** A source of its own that follows from this seed and `name`. */
  fork(name: string): Random;
}

/** Random choices from a 32-bit seed, by the generator "mulberry32". */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    percent: (chance) => next() * 100 < chance,
    pick: (choices) => {
      if (choices.length === 0) throw new Error('nothing to pick from');
      return choices[integer(0, choices.length - 1)] as (typeof choices)[number];
    },
    shuffle: (choices) =>
      choices
        .map((choice) => ({ choice, rank: next() }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ choice }) => choice),
    fork: (name) => {
      // FNV-1a.
      let hash = 0x811c9dc5;
      for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
      return seeded((seed ^ hash) >>> 0);
    },
  };
}
