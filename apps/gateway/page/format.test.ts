import { expect, it } from 'vitest';
import { formatAge, formatBytes, formatClock, formatCost, formatCount, formatDuration } from './format.ts';
import { titleFor } from './start-task.ts';

it('writes durations, clocks, counts, sizes and costs short', () => {
  expect([400, 12_300, 185_000, 7_440_000].map(formatDuration)).toEqual([
    '0.4 s',
    '12 s',
    '3 min 5 s',
    '2 h 4 min',
  ]);
  expect([7000, 754_000, 3_723_000].map(formatClock)).toEqual(['0:07', '12:34', '1:02:03']);
  expect([950, 4250, 23_900, 1_390_000].map(formatCount)).toEqual(['950', '4.2k', '23k', '1.3M']);
  expect([812, 4100, 2_000_000].map(formatBytes)).toEqual(['812 B', '4.1 kB', '2.0 MB']);
  expect([null, 0, 0.00001, 0.0123, 0.0042].map(formatCost)).toEqual([
    null,
    '$0',
    '<$0.0001',
    '$0.01',
    '$0.0042',
  ]);
});

it('says how long ago something was', () => {
  const now = new Date(2026, 10, 25, 12).getTime();
  const ago = (...date: [number, number, number, number]) => formatAge(new Date(...date).getTime(), now);
  expect(ago(2026, 10, 25, 12)).toBe('now');
  expect(ago(2026, 10, 25, 9)).toBe('3 h');
  expect(ago(2026, 10, 24, 23)).toBe('Yesterday');
  expect(ago(2026, 10, 12, 8)).toBe('12 Nov');
  expect(ago(2025, 10, 12, 8)).toBe('12 Nov 2025');
});

it('titles a task by its first line or its first file', () => {
  expect(titleFor({ text: 'Do this\nand that', files: [] })).toBe('Do this');
  expect(titleFor({ text: '', files: [new File([''], 'a.csv')] })).toBe('a.csv');
  const long = titleFor({ text: 'word '.repeat(40), files: [] });
  expect(long.length).toBeLessThanOrEqual(81);
  expect(long).toMatch(/word…$/);
});
