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
