import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { newText } from './background-commands.ts';
import { bytesBefore } from './background-scripts.ts';

/** Reads a content piece by piece as a command's output is read, each piece up to an edge. */
function readPieces(content: Buffer, edges: readonly number[]): string {
  let [from, text] = [0, ''];
  for (const edge of [...edges, content.length]) {
    const before = Math.min(bytesBefore, from);
    text += newText({
      bytes: content.subarray(from - before, edge),
      tail: Buffer.alloc(0),
      before,
      leftOut: 0,
      isLast: edge === content.length,
      maxBytes: 1_000_000,
    });
    from = edge;
  }
  return text;
}

test('a text read in pieces is the same, whichever bytes they end at', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((one) => one.replaceAll(/\p{Cc}/gu, 'ü'));
  fc.assert(
    fc.property(text, fc.array(fc.nat(100), { maxLength: 8 }), (written, cuts) => {
      const content = Buffer.from(written.toWellFormed());
      const edges = cuts.map((cut) => cut % (content.length + 1)).sort((one, other) => one - other);
      expect(readPieces(content, edges)).toBe(content.toString());
    }),
    { numRuns: 1000 },
  );
});

test('bytes that are no text are shown as such and lose nothing around them', () => {
  const bytes = fc.uint8Array({ min: 0x80, maxLength: 12 });
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(20), { maxLength: 4 }), (middle, cuts) => {
      const content = Buffer.concat([Buffer.from('begin '), middle, Buffer.from(' end')]);
      const edges = cuts.map((cut) => cut % (content.length + 1)).sort((one, other) => one - other);
      expect(readPieces(content, edges)).toMatch(/^begin [^a-z]* end$/);
    }),
  );
});

test('of what is too much the beginning and the end are shown, without pieces of characters', () => {
  const text = 'ü'.repeat(500);
  const all = Buffer.from(text);
  const shown = newText({
    bytes: all.subarray(0, 101),
    tail: all.subarray(899),
    before: 0,
    leftOut: 798,
    isLast: true,
    maxBytes: 1000,
  });
  expect(shown).toBe(`${'ü'.repeat(50)}\n[… 798 bytes left out …]\n${'ü'.repeat(50)}`);
});
