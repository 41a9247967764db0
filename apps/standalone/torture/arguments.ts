/** What the command line asks for. */
export interface TortureArguments {
  readonly minutes: number;
  readonly seed: number;
}

export const usage = `Usage: npm run torture -- [--minutes N] [--seed S]
  --minutes N   how long to go on starting runs and doing harm (default 1)
  --seed S      a whole number that decides what happens in which order (default: a new one)`;

/** Reads `--minutes N --seed S`; throws an Error that says what is wrong. */
export function readArguments(argv: readonly string[], newSeed: () => number): TortureArguments {
  let minutes = 1;
  let seed: number | null = null;
  for (let at = 0; at < argv.length; at += 2) {
    const [name, value] = [argv[at], argv[at + 1]];
    const number = value === undefined || value.trim() === '' ? NaN : Number(value);
    if (name === '--minutes' && number > 0 && number <= 24 * 60) minutes = number;
    else if (name === '--seed' && Number.isInteger(number) && number >= 0 && number <= 0xffff_ffff)
      seed = number;
    else
      throw new Error(
        `Not understood: ${[name, value].filter((word) => word !== undefined).join(' ')}.\n${usage}`,
      );
  }
  return { minutes, seed: seed ?? newSeed() };
}
