import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createOutputCollector } from './output-collector.ts';

const mark = /\n\[… (\d+) bytes left out …\]\n/;

describe('the output collector', () => {
  test('gives back everything that fits, however it is cut into pieces', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 200 }),
        fc.array(fc.nat(50), { maxLength: 20 }),
        (text, cuts) => {
          const bytes = Buffer.from(text);
          const collector = createOutputCollector(Math.max(1, bytes.length));
          let start = 0;
          for (const cut of [...cuts, bytes.length]) {
            const end = Math.min(bytes.length, start + cut);
            collector.push(bytes.subarray(start, end));
            start = end;
          }
          expect(collector.finish()).toEqual({ output: text, isTruncated: false });
        },
      ),
    );
  });

  test('keeps head and tail within its limit, counts the rest, and breaks no character', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 8, max: 64 }),
        (pieces, maxBytes) => {
          const text = pieces.join('');
          const total = Buffer.byteLength(text);
          fc.pre(total > maxBytes && text.isWellFormed() && !text.includes('\uFFFD') && !text.includes('['));
          const collector = createOutputCollector(maxBytes);
          for (const piece of pieces) collector.push(Buffer.from(piece));
          const { output, isTruncated } = collector.finish();
          const leftOut = Number(mark.exec(output)?.[1]);
          const [head = '', , tail = ''] = output.split(mark);
          expect(isTruncated).toBe(true);
          expect(leftOut).toBe(total - maxBytes);
          expect(text.startsWith(head)).toBe(true);
          expect(text.endsWith(tail)).toBe(true);
          expect(Buffer.byteLength(head) + Buffer.byteLength(tail)).toBeLessThanOrEqual(maxBytes);
        },
      ),
    );
  });

  test('counts what was never fetched', () => {
    const collector = createOutputCollector(8);
    collector.push(Buffer.from('abcdef'));
    collector.skip(100);
    collector.push(Buffer.from('xyz'));
    expect(collector.finish()).toEqual({ output: 'abcd\n[… 102 bytes left out …]\nxyz', isTruncated: true });
  });

  test('leaves bytes that are no text alone', () => {
    const collector = createOutputCollector(100);
    collector.push(Buffer.from([0x80, 0x80, 0xff]));
    expect(collector.finish().isTruncated).toBe(false);
  });
});
