import { expect, test } from 'vitest';
import { readDemoArguments } from './demo-arguments.ts';

const places = { from: '/home/me', root: '/repository' };

test('a task and its files are read, relative paths from where the caller stands', () => {
  expect(readDemoArguments(['Count', 'words', '--file', 'a b.csv', '--file', '/x/c.csv'], places)).toEqual({
    task: 'Count words',
    files: ['/home/me/a b.csv', '/x/c.csv'],
  });
});

test('without anything the example table is analysed', () => {
  const { task, files } = readDemoArguments([], places);
  expect(task).toContain('report.md');
  expect(files).toEqual(['/repository/examples/airports.csv']);
});

test('a file alone is analysed, and a task alone has no file', () => {
  expect(readDemoArguments(['--file', 'a.csv'], places)).toMatchObject({ files: ['/home/me/a.csv'] });
  expect(readDemoArguments(['Say hello'], places)).toEqual({ task: 'Say hello', files: [] });
});

test('an unknown option is refused with the usage', () => {
  expect(() => readDemoArguments(['--nothing'], places)).toThrow(/Usage: npm run demo/);
});
