import fc from 'fast-check';
import { expect, test } from 'vitest';
import { truncateMiddle } from './truncate-middle.ts';

test('a text that fits stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(truncateMiddle(text, Buffer.byteLength(text))).toBe(text);
    }),
  );
});

test('what is shown is the beginning and the end, and the mark counts the rest', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 20 }),
      fc.integer({ min: 2, max: 15 }),
      (text, maxBytes) => {
        fc.pre(Buffer.byteLength(text) > maxBytes && text.isWellFormed() && !text.includes('left out'));
        const shown = truncateMiddle(text, maxBytes);
        const [, head = '', leftOut = '', tail = ''] =
          /^(.*)\n\[… (\d+) bytes left out …\]\n(.*)$/s.exec(shown) ?? [];
        expect(text.startsWith(head)).toBe(true);
        expect(text.endsWith(tail)).toBe(true);
        const shownBytes = Buffer.byteLength(head) + Buffer.byteLength(tail);
        expect(shownBytes).toBeLessThanOrEqual(maxBytes);
        // Characters that the cut went through are in neither part, at most three bytes at either side.
        const missing = Buffer.byteLength(text) - shownBytes - Number(leftOut);
        expect(missing).toBeGreaterThanOrEqual(0);
        expect(missing).toBeLessThanOrEqual(6);
      },
    ),
  );
});
