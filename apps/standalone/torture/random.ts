/** Chance that a seed decides: the same seed makes the same choices in the same order. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** True that often. */
  chance(share: number): boolean;
  pick<Value>(values: readonly Value[]): Value;
  /** Another one, whose choices do not hang on how often this one is asked from now on. */
  fork(): Random;
}

/** Mulberry32: small, fast and even enough for mischief. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    chance: (share) => next() < share,
    pick(values) {
      const value = values[between(0, values.length - 1)];
      if (value === undefined) throw new Error('There is nothing to pick from.');
      return value;
    },
    fork: () => createRandom(between(0, 0xffff_ffff)),
  };
}
