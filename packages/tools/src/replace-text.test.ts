import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replaceText } from './replace-text.ts';

function replace(content: string | Uint8Array, oldText: string, newText: string, isAll = false) {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return replaceText(bytes, { oldText, newText, count: isAll ? 'all' : 1 });
}

function replaced(content: string | Uint8Array, oldText: string, newText: string, isAll = false): Buffer {
  const outcome = replace(content, oldText, newText, isAll);
  if (outcome.outcome !== 'replaced') throw new Error(outcome.outcome);
  return outcome.bytes;
}

// Few characters, so that texts repeat and overlap; no carriage returns, which have tests of their own.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\t', 'é', '漢'), maxLength: 20 });
const wanted = fc.string({ unit: fc.constantFrom('a', 'b', '\n', 'é'), minLength: 1, maxLength: 3 });

describe('replacing text', () => {
  test('replaces all as a string would, for any text', () => {
    fc.assert(
      fc.property(text, wanted, text, (content, oldText, newText) => {
        const pieces = content.split(oldText);
        const expected =
          pieces.length === 1
            ? { outcome: 'missing' }
            : { outcome: 'replaced', count: pieces.length - 1, bytes: Buffer.from(pieces.join(newText)) };
        expect(replace(content, oldText, newText, true)).toMatchObject(expected);
      }),
    );
  });

  test('replaces one only when it is the only one, overlapping ones counted', () => {
    fc.assert(
      fc.property(text, wanted, text, (content, oldText, newText) => {
        const starts = Array.from(content).filter((_, at) => content.startsWith(oldText, at)).length;
        const expected =
          starts === 0
            ? { outcome: 'missing' }
            : starts === 1
              ? { outcome: 'replaced', count: 1 }
              : { outcome: 'miscounted', lines: { length: starts } };
        expect(replace(content, oldText, newText)).toMatchObject(expected);
      }),
    );
    expect(replace('aaa', 'aa', 'b').outcome).toBe('miscounted');
  });

  test('keeps every byte outside, whatever the bytes are', () => {
    const around = fc.uint8Array({ maxLength: 30 }).filter((bytes) => !Buffer.from(bytes).includes('MARK'));
    fc.assert(
      fc.property(around, around, (before, after) => {
        const content = Buffer.concat([before, Buffer.from('MARK'), after]);
        fc.pre(content.indexOf('MARK') === content.lastIndexOf('MARK'));
        const expected = Buffer.concat([before, Buffer.from('other'), after]);
        expect(replaced(content, 'MARK', 'other').equals(expected)).toBe(true);
      }),
    );
  });

  test('names the lines of the new content', () => {
    const outcome = replace('x\nx\ny\nx\n', 'x', 'two\nlines', true);
    expect(outcome).toMatchObject({ outcome: 'replaced', lines: [1, 3, 6] });
  });

  test('takes line breaks as CRLF in a file that has only those', () => {
    const content = 'one\r\ntwo\r\nthree\r\n';
    const outcome = replace(content, 'one\ntwo', '1\n2\n2a');
    expect(outcome).toMatchObject({ outcome: 'replaced', isCrlf: true });
    expect(replaced(content, 'one\ntwo', '1\n2\n2a').toString()).toBe('1\r\n2\r\n2a\r\nthree\r\n');
    expect(replaced(content, 'two', '2\n2a').toString()).toBe('one\r\n2\r\n2a\r\nthree\r\n');
    expect(replaced(content, 'one\r\ntwo', '1\r\n2').toString()).toBe('1\r\n2\r\nthree\r\n');
  });

  test('takes line breaks as they are in a file with both kinds', () => {
    const content = 'one\r\ntwo\nthree\r\n';
    expect(replace(content, 'one\ntwo', 'x').outcome).toBe('missing');
    expect(replaced(content, 'two\nthree', '2\n3').toString()).toBe('one\r\n2\n3\r\n');
  });

  test('keeps a byte order mark, tabs and a missing last line end', () => {
    expect(replaced('\ufeff\tkey\tvalue', '\tkey', '\tname').toString()).toBe('\ufeff\tname\tvalue');
  });

  test('writes Latin-1 into a file that is Latin-1', () => {
    const content = Buffer.from('Stra\u00dfe in Z\u00fcrich', 'latin1');
    expect(replaced(content, 'Zürich', 'Köln').toString('latin1')).toBe('Straße in Köln');
  });

  test('replaces a number of occurrences only when there are just so many', () => {
    const counted = (count: number) =>
      replaceText(Buffer.from('a-a-a'), { oldText: 'a', newText: 'b', count });
    expect(counted(3)).toMatchObject({ outcome: 'replaced', count: 3, bytes: Buffer.from('b-b-b') });
    expect(counted(2)).toEqual({ outcome: 'miscounted', lines: [1, 1, 1] });
    expect(counted(4)).toEqual({ outcome: 'miscounted', lines: [1, 1, 1] });
  });

  test('writes into a file of two encodings what belongs there, and never a broken character', () => {
    const content = Buffer.concat([Buffer.from('漢 = 1\n'), Buffer.from('Z\u00fcrich', 'latin1')]);
    expect(replaced(content, '漢 = 1', '字 = 2').subarray(0, 7).toString()).toBe('字 = 2');
    expect(replaced(content, 'Zürich', 'Köln').toString('latin1')).toMatch(/K\u00f6ln$/);
    expect(replace(content, 'Zürich', '東京')).toEqual({ outcome: 'unencodable', characters: '東 京' });
  });

  test('takes a million occurrences in one line, and refuses what would grow without bounds', () => {
    const content = 'x'.repeat(2_000_000);
    expect(replaced(content, 'x', 'yz', true)).toHaveLength(4_000_000);
    expect(replace(content, 'x', 'y'.repeat(100), true)).toEqual({ outcome: 'oversized' });
    expect(replace(content, 'x', 'y')).toMatchObject({ outcome: 'miscounted' });
  });

  test('handles a file of two megabytes in one line', () => {
    const content = `${'x'.repeat(2_000_000)}needle${'y'.repeat(1000)}`;
    expect(replaced(content, 'needle', 'pin')).toHaveLength(2_001_003);
  });
});
