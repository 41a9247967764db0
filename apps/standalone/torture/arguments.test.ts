import { expect, it } from 'vitest';
import { readArguments } from './arguments.ts';
import { createRandom } from './random.ts';

it('takes minutes and a seed, and makes a seed where none is given', () => {
  expect(readArguments([], () => 7)).toEqual({ minutes: 1, seed: 7 });
  expect(readArguments(['--seed', '5', '--minutes', '0.5'], () => 7)).toEqual({ minutes: 0.5, seed: 5 });
});

it.each([['--minutes'], ['--minutes', '0'], ['--minutes', 'ten'], ['--seed', '1.5'], ['--sneed', '1']])(
  'refuses %s %s',
  (...argv) => {
    expect(() => readArguments(argv, () => 7)).toThrow(/Not understood[^]*Usage/);
  },
);

it('makes the same choices from the same seed, and others from another', () => {
  const choices = (seed: number) => {
    const random = createRandom(seed);
    const forked = random.fork();
    return Array.from({ length: 20 }, () => [random.between(1, 6), random.chance(0.5), forked.next()]);
  };
  expect(choices(3)).toEqual(choices(3));
  expect(choices(3)).not.toEqual(choices(4));
  expect(new Set(choices(3).map(([face]) => face))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
});
