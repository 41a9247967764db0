import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { repeatsItself, watchRepetition } from './repeated-text.ts';

const line = 'I will now look at the file once more, to be sure.\n';
const prose = Array.from({ length: 200 }, (_, index) => `Sentence ${index} says ${index * 7919}. `).join('');

describe('a text that repeats itself', () => {
  test.each([
    ['lines', line.repeat(20)],
    ['lines behind prose', prose + line.repeat(20)],
    ['a block of paragraphs', prose + (prose.slice(0, 300) + '\n').repeat(4)],
    ['words without end', 'the '.repeat(3000)],
  ])('is seen: %s', (_, text) => {
    expect(repeatsItself(text)).toBe(true);
  });

  test.each([
    ['nothing', ''],
    ['prose', prose],
    ['what has stopped repeating', line.repeat(20) + prose],
    ['a few rows that are alike', '| 2026-11-25 | 0 | 0 | 0 |\n'.repeat(12)],
    ['three blocks', (prose.slice(0, 300) + '\n').repeat(3)],
    ['a ruler', '-'.repeat(2000)],
    ['zeros in a file', '0, '.repeat(1000)],
  ])('is not seen in %s', (_, text) => {
    expect(repeatsItself(text)).toBe(false);
  });

  test('is seen however it is cut, before it is five hundred characters longer', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 150, maxLength: 400 }),
        fc.string({ maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 30 }),
        (block, before, sizes) => {
          const text = before + block.repeat(8);
          const watch = watchRepetition();
          let offset = 0;
          let isSeen = false;
          for (let turn = 0; offset < text.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            isSeen = watch.push(text.slice(offset, offset + size)) || isSeen;
            offset += size;
          }
          expect(isSeen).toBe(true);
        },
      ),
    );
  });
});
