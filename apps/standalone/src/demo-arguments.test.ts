import { expect, test } from 'vitest';
import { readDemoArguments } from './demo-arguments.ts';

const places = { from: '/home/me', root: '/repository' };

test('a task and its files are read, relative paths from where the caller stands', () => {
  expect(readDemoArguments(['Count', 'words', '--file', 'a b.csv', '--file', '/x/c.csv'], places)).toEqual({
    task: 'Count words',
    files: ['/home/me/a b.csv', '/x/c.csv'],
    isChaotic: false,
  });
});

test('without anything the example table is analysed', () => {
  const { task, files } = readDemoArguments([], places);
  expect(task).toContain('report.md');
  expect(files).toEqual(['/repository/examples/airports.csv']);
});

test('a file alone is analysed, and a task alone has no file', () => {
  expect(readDemoArguments(['--file', 'a.csv'], places)).toMatchObject({ files: ['/home/me/a.csv'] });
  expect(readDemoArguments(['Say hello'], places)).toMatchObject({ task: 'Say hello', files: [] });
});

test('chaos is asked for by name, with the example table or with a task', () => {
  expect(readDemoArguments(['--chaos'], places)).toMatchObject({
    isChaotic: true,
    files: ['/repository/examples/airports.csv'],
  });
  expect(readDemoArguments(['Say', 'hello', '--chaos'], places)).toMatchObject({
    isChaotic: true,
    task: 'Say hello',
  });
});

test('an unknown option is refused with the usage', () => {
  expect(() => readDemoArguments(['--nothing'], places)).toThrow(/Usage: npm run demo/);
});
