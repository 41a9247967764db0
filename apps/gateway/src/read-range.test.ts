import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRange } from './read-range.ts';

const etag = '"v1"';
const read = (header: string | undefined, size = 10, ifRange?: string) =>
  readRange({ header, ifRange, etag, size });

test.each([
  [undefined, null],
  ['bytes=0-3', { start: 0, end: 4 }],
  ['bytes=4-', { start: 4, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-30', { start: 0, end: 10 }],
  ['bytes=8-99', { start: 8, end: 10 }],
  ['bytes= 1 - 2 ', { start: 1, end: 3 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=3-1', null],
  ['bytes=0-1,3-4', null],
  ['bytes=-', null],
  ['bytes=a-b', null],
  ['lines=0-3', null],
  ['bytes=0-99999999999999999999', null],
])('%s of ten bytes', (header, expected) => {
  expect(read(header)).toEqual(expected);
});

test('a range of another version is the whole file', () => {
  expect(read('bytes=0-3', 10, etag)).toEqual({ start: 0, end: 4 });
  expect(read('bytes=0-3', 10, '"v0"')).toBeNull();
});

test('no file without bytes has a range', () => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) expect(read(header, 0)).toBe('unsatisfiable');
});

test('whatever the header, a range lies within the file', () => {
  fc.assert(
    fc.property(fc.nat(), fc.string(), fc.nat(), fc.nat(), (size, junk, a, b) => {
      for (const header of [junk, `bytes=${junk}`, `bytes=${a}-${b}`, `bytes=-${a}`, `bytes=${a}-`]) {
        const range = read(header, size);
        if (range === null || range === 'unsatisfiable') continue;
        expect(range.start).toBeLessThan(range.end);
        expect(range.end).toBeLessThanOrEqual(size);
      }
    }),
  );
});
