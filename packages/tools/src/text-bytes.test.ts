import { expect, test } from 'vitest';
import { kindOfContent, wholeCharacters } from './text-bytes.ts';

test.each([
  ['\u0089PNG\r\n', 'a PNG image'],
  ['%PDF-1.7', 'a PDF document'],
  ['PK\u0003\u0004', 'a ZIP archive (also docx, xlsx, jar)'],
  ['\u00ff\u00feh\u0000', 'UTF-16 text'],
  ['abc\u0000def', 'a binary file'],
  ['\u00ff\u00d8\u00ff\u00e0', 'a JPEG image'],
  ['GIF89a', 'a GIF image'],
  ['RIFF\u0001\n\u0002\u0003WEBPVP8 ', 'a WebP image'],
  ['RIFF\u0001\n\u0002\u0003WAVEfmt ', 'a WAV or AVI file'],
  ['BM\u0001\u0002\u0003\u0004\u0000\u0000\u0000\u0000', 'a BMP image'],
])('%j is binary', (head, name) => {
  const kind = kindOfContent(Buffer.from(head, 'latin1'));
  expect(kind).toMatchObject({ kind: 'binary', name });
});

test.each([
  '',
  'plain',
  'Zürich',
  '\ufeffwith a mark',
  'PK in a text',
  'BMW and BM',
  'RIFF-RAFF: a text',
  'II* and MM',
  `${'x'.repeat(9000)}\u0000`,
])('a text is text (%#)', (content) => {
  expect(kindOfContent(Buffer.from(content))).toEqual({ kind: 'text' });
});

test('an incomplete character at the end does not count', () => {
  for (const character of ['a', 'é', '漢', '🙂']) {
    const bytes = Buffer.from(`x${character}`);
    expect(wholeCharacters(bytes)).toBe(bytes.length);
    for (let length = 2; length < bytes.length; length += 1) {
      expect(wholeCharacters(bytes.subarray(0, length)), `${character} at ${length}`).toBe(1);
    }
  }
});
