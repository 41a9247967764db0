import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLineWindow, type LinesRead, type LineWindowOptions } from './line-window.ts';

const roomy = { firstLine: 1, offset: 1, limit: 1000, maxBytes: 100_000, maxLineBytes: 2000 };

/** Reads a file that comes in pieces of the given sizes, as the tool does. */
function read(
  content: Uint8Array,
  options: Partial<LineWindowOptions> = {},
  pieceSizes = [content.length],
): LinesRead {
  const window = createLineWindow({ ...roomy, ...options });
  for (let at = 0, piece = 0; at < content.length; piece += 1) {
    const size = Math.max(1, pieceSizes[piece % pieceSizes.length] ?? 1);
    if (!window.push(content.subarray(at, at + size))) break;
    at += size;
  }
  return window.finish();
}

const texts = (read: LinesRead) => read.lines.map((line) => line.text);
const line = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '🙂', ' ', '\t', ','), maxLength: 12 });

describe('a window of lines', () => {
  test('read page by page gives the file again, however it comes in pieces', () => {
    const pages = fc.record({
      lines: fc.array(line, { minLength: 1, maxLength: 30 }),
      lineEnd: fc.constantFrom('\n', '\r\n'),
      endsWithNewline: fc.boolean(),
      limit: fc.integer({ min: 1, max: 7 }),
      maxBytes: fc.integer({ min: 60, max: 200 }),
      pieces: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(pages, ({ lines, lineEnd, endsWithNewline, limit, maxBytes, pieces }) => {
        // A file has a last line without an end only when there is something in it.
        fc.pre(endsWithNewline || (lines.at(-1) ?? '') !== '');
        const content = Buffer.from(lines.join(lineEnd) + (endsWithNewline ? lineEnd : ''));
        const found: string[] = [];
        for (let offset: number | null = 1; offset !== null;) {
          const page: LinesRead = read(content, { offset, limit, maxBytes, maxLineBytes: 60 }, pieces);
          expect(page.lines[0]?.number).toBe(offset);
          expect(page.lines.length).toBeLessThanOrEqual(limit);
          found.push(...texts(page));
          const isLast = page.nextOffset === null;
          expect(page.totalLines).toBe(isLast ? lines.length : null);
          expect(!isLast || page.endsWithNewline === endsWithNewline).toBe(true);
          offset = page.nextOffset;
        }
        expect(found).toEqual(lines);
      }),
    );
  });

  test('stops at the bytes, but always gives one line', () => {
    const content = Buffer.from('aaaa\nbbbb\ncccc\n');
    expect(read(content, { maxBytes: 9, maxLineBytes: 9 })).toMatchObject({
      nextOffset: 3,
      totalLines: null,
    });
    expect(texts(read(content, { maxBytes: 1, maxLineBytes: 1000 }))).toEqual(['aaaa']);
  });

  test('says that nothing follows when the range ends with the file', () => {
    expect(read(Buffer.from('a\nb\n'), { limit: 2 })).toMatchObject({ nextOffset: null, totalLines: 2 });
    expect(read(Buffer.from('a\nb\nc'), { limit: 2 })).toMatchObject({ nextOffset: 3, totalLines: null });
  });

  test('cuts a long line between characters and says how much is missing', () => {
    const content = Buffer.from(`${'é'.repeat(10)}\nnext\n`);
    expect(texts(read(content, { maxLineBytes: 5 }))).toEqual([
      'éé [… 16 more bytes in this line: go on with offset 1 and column 5]',
      'next',
    ]);
  });

  test('holds no more of a huge line than it shows', () => {
    const window = createLineWindow(roomy);
    for (let piece = 0; piece < 200; piece += 1) window.push(Buffer.alloc(10_000, 'x'));
    const { lines } = window.finish();
    expect(lines[0]?.text).toBe(
      `${'x'.repeat(2000)} [… 1998000 more bytes in this line: go on with offset 1 and column 2001]`,
    );
  });

  test('a line that fills the limit up to its carriage return is whole', () => {
    const content = Buffer.from(`${'x'.repeat(5)}\r\n${'y'.repeat(6)}\r\n`);
    const lines = texts(read(content, { maxLineBytes: 5 }));
    expect(lines).toEqual(['xxxxx', 'yyyyy [… 2 more bytes in this line: go on with offset 2 and column 6]']);
  });

  test('counts from the line that its first piece begins with', () => {
    const { lines, totalLines } = read(Buffer.from('x\ny\n'), { firstLine: 41, offset: 42 });
    expect(lines).toEqual([{ number: 42, text: 'y' }]);
    expect(totalLines).toBe(42);
  });

  test('beyond the end there are no lines, and the file is counted', () => {
    expect(read(Buffer.from('a\nb\n'), { offset: 9 })).toMatchObject({
      lines: [],
      totalLines: 2,
      nextOffset: null,
    });
    expect(read(Buffer.alloc(0))).toMatchObject({ lines: [], totalLines: 0 });
  });

  test('marks CRLF where a page has both kinds of line ends, and takes no carriage return for one', () => {
    const mixed = read(Buffer.from('a\r\nb\nc\r\n'));
    expect(mixed.lineEnds).toBe('mixed');
    expect(texts(mixed)).toEqual(['a␍', 'b', 'c␍']);
    const unended = read(Buffer.from('a\r\nb\r'));
    expect(unended).toMatchObject({ lineEnds: 'crlf', endsWithNewline: false });
    expect(texts(unended)).toEqual(['a', 'b\r']);
  });

  test('knows a byte order mark, CRLF and what is not UTF-8', () => {
    const marked = read(Buffer.from('\ufeffa;b\r\n1;2\r\n'));
    expect(marked).toMatchObject({ hasByteOrderMark: true, lineEnds: 'crlf', encoding: 'utf-8' });
    expect(texts(marked)).toEqual(['a;b', '1;2']);
    const latin = read(Buffer.from('Z\u00fcrich\n', 'latin1'));
    expect(latin.encoding).toBe('latin-1');
    expect(texts(latin)).toEqual(['Zürich']);
  });
});
