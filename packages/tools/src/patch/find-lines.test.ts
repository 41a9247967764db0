import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findLines } from './find-lines.ts';

describe('finding lines', () => {
  test('finds every place of a block, overlaps included', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', ''), { maxLength: 40 });
    const block = fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lines, block, fc.nat(10), (all, wanted, from) => {
        const expected = all.flatMap((_, start) =>
          start >= from &&
          start + wanted.length <= all.length &&
          wanted.every((line, index) => all[start + index] === line)
            ? [start]
            : [],
        );
        expect(findLines(all, wanted, { from, maxFound: 1000 })).toEqual(expected);
        expect(findLines(all, wanted, { from, maxFound: 1 })).toEqual(expected.slice(0, 1));
      }),
    );
  });

  test('takes a time that grows with the lines, not with lines times block', () => {
    const lines = Array.from({ length: 1_000_000 }, () => '');
    const block = [...Array.from({ length: 50_000 }, () => ''), 'end'];
    const begun = performance.now();
    expect(findLines(lines, block, { from: 0, maxFound: 10 })).toEqual([]);
    // 50,000,000,000 comparisons would take minutes.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
