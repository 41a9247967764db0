import { describe, expect, test } from 'vitest';
import { readDataUrl } from './data-url.ts';
import { limits } from './limits.ts';

const text = (url: string) => {
  const content = readDataUrl(url);
  return typeof content === 'string'
    ? content
    : `${content.mediaType} ${Buffer.from(content.bytes).toString()}`;
};

describe('a data url', () => {
  test.each([
    ['data:text/plain;base64,SGVsbG8=', 'text/plain Hello'],
    ['data:text/plain;charset=utf-8;base64,SGVsbG8', 'text/plain Hello'],
    ['DATA:Text/Plain;BASE64,SGVsbG8%3D', 'text/plain Hello'],
    ['data:text/plain,Hello%2C%20world', 'text/plain Hello, world'],
    ['data:,plain', ' plain'],
    ['data:text/plain;base64,', 'text/plain '],
  ])('%s is read', (url, expected) => {
    expect(text(url)).toBe(expected);
  });

  test.each(['https://example.com/a.png', 'data:image/png', 'data:image/png;base64,a*b', 'data:,%zz', ''])(
    '%s is malformed',
    (url) => {
      expect(readDataUrl(url)).toBe('malformed');
    },
  );

  test('is taken up to the limit and refused above it', () => {
    const url = (bytes: number) => `data:image/png;base64,${Buffer.alloc(bytes, 7).toString('base64')}`;
    expect(readDataUrl(url(limits.dataUrlBytes))).toMatchObject({ bytes: { length: limits.dataUrlBytes } });
    expect(readDataUrl(url(limits.dataUrlBytes + 1))).toBe('too-large');
    expect(readDataUrl(`data:,${'x'.repeat(3 * limits.dataUrlBytes + 1)}`)).toBe('too-large');
  });
});
