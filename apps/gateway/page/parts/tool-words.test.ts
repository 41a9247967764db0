import { describe, expect, test } from 'vitest';
import { textOfResult, wordsOfCall, wordsOfResult } from './tool-words.ts';

describe('the words for a command', () => {
  test.each([
    ['shell', { command: 'npm  test' }, 'Run', 'npm test'],
    ['shell', { command: 'npm start', background: true }, 'Start', 'npm start'],
    ['shell_check', { ids: ['0123456789ab', 'ba9876543210'] }, 'Look at', '0123456789ab, ba9876543210'],
    ['shell_check', {}, 'Look at', 'commands'],
    ['shell_input', { id: '0123456789ab', text: 'yes' }, 'Type', 'yes'],
    ['shell_input', { id: '0123456789ab', key: 'ctrl-c' }, 'Type', 'ctrl-c'],
    ['shell_kill', { id: '0123456789ab' }, 'End', '0123456789ab'],
  ])('%s %j', (name, input, verb, subject) => {
    expect(wordsOfCall(name, input)).toMatchObject({ verb, subject });
  });

  test.each([
    [{ exitCode: 0 }, '', false],
    [{ exitCode: 2 }, 'exit code 2', true],
    [{ exitCode: null }, 'killed', true],
    [{ exitCode: null, timedOut: true }, 'timed out', true],
    [{ exitCode: null, timedOut: false, running: true }, 'runs in the background', false],
    [{ exitCode: null, timedOut: true, running: true }, 'goes on in the background', false],
    [{ status: 'running' }, 'running', false],
    [{ status: 'exited', exitCode: 143 }, 'exit code 143', false],
    [{ commands: [{ status: 'flooded', exitCode: null }] }, 'flooded', false],
    [{ commands: [] }, '', false],
  ])('how %j ended', (result, text, isFailure) => {
    expect(wordsOfResult(result)).toEqual({ text, isFailure });
  });

  test('what several commands printed is one text', () => {
    const commands = [
      { id: 'a', status: 'running', command: 'npm start', output: 'ready\n' },
      { id: 'b', status: 'exited', command: 'true' },
    ];
    expect(textOfResult({ commands })).toBe('a (running): npm start\nready\n\nb (exited): true\n');
  });
});

test.each([
  ['write_file', { path: 'a.md' }, 'Write', 'a.md'],
  ['move', { from: 'a.md', to: 'b/a.md' }, 'Move', 'a.md → b/a.md'],
  ['delete', { paths: ['a.md', 'b'] }, 'Delete', 'a.md, b'],
  ['expose_port', { port: 3000 }, 'Show', 'port 3000'],
  ['grep', { pattern: 'total' }, 'Search', 'total'],
  [
    'apply_patch',
    {
      patch:
        '*** Begin Patch\n*** Update File: src/a b.ts\n@@\n-x\n+y\n*** Add File: c.ts\n+z\n*** End Patch',
    },
    'Edit',
    'src/a b.ts, c.ts',
  ],
  ['apply_patch', { patch: '--- a/x.py\t2026\n+++ b/x.py\t2026\n@@ -1 +1 @@\n-a\n+b\n' }, 'Edit', 'x.py'],
  ['mcp__maps__find', { where: 'here' }, 'mcp  maps  find', 'here'],
])('a call of %s with %j', (name, input, verb, subject) => {
  expect(wordsOfCall(name, input)).toMatchObject({ verb, subject });
});

test.each(['apply_patch', 'delete', 'expose_port', 'move', 'shell'])(
  'a call of %s whose input has not arrived has words all the same',
  (name) => {
    expect(() => wordsOfCall(name, undefined)).not.toThrow();
  },
);
