import type { ToolContext } from '@switchyard/agent';
import { describe, expect, test } from 'vitest';
import { askTool } from './ask.ts';
import { completeTool } from './complete.ts';
import { formatTodos, todoTool } from './todo.ts';

/** What a call has while no sandbox runs: whoever asks for one fails the test. */
const context: ToolContext = {
  callId: 'call-1',
  runId: 'run-1',
  threadId: 'thread-1',
  signal: new AbortController().signal,
  sandbox: () => Promise.reject(new Error('No sandbox was to be started.')),
  runningSandbox: () => null,
  takeRestart: () => false,
  claim: () => Promise.reject(new Error('Nothing was to be claimed.')),
  emitOutput: () => undefined,
  readTodos: () => [],
};

describe('todo', () => {
  const todos = [
    { text: 'Read the data', status: 'done' },
    { text: 'Write the report', status: 'in-progress' },
    { text: 'Check it', status: 'open' },
  ] as const;

  test('puts the whole list into the message under the id of the call', async () => {
    expect(await todoTool.execute({ todos: [...todos] }, context)).toEqual({
      outcome: 'ok',
      output: 'Plan saved: 1 done, 1 in progress, 1 open.',
      data: [{ type: 'data-todo', id: 'call-1', data: { todos } }],
    });
  });

  test('reminds of one item at a time, and may be emptied', async () => {
    const both = todos.map(({ text }) => ({ text, status: 'in-progress' as const }));
    expect(await todoTool.execute({ todos: both }, context)).toMatchObject({
      output: 'Plan saved: 0 done, 3 in progress, 0 open. Keep one item in progress at a time.',
    });
    expect(await todoTool.execute({ todos: [] }, context)).toMatchObject({
      output: 'The plan is empty now.',
    });
  });

  test('is mirrored as Markdown', () => {
    expect(formatTodos(todos)).toMatchInlineSnapshot(`
      "# Todo

      - [x] Read the data
      - [~] Write the report
      - [ ] Check it
      "
    `);
  });

  test('refuses an empty item, an unknown status and a list that is too long', () => {
    const accepts = (input: unknown) => todoTool.inputSchema.safeParse(input).success;
    expect(accepts({ todos: [{ text: ' ', status: 'open' }] })).toBe(false);
    expect(accepts({ todos: [{ text: 'a', status: 'doing' }] })).toBe(false);
    expect(accepts({ todos: Array.from({ length: 101 }, () => ({ text: 'a', status: 'open' })) })).toBe(
      false,
    );
  });
});

describe('the tools that end a run', () => {
  test('ask ends it with the question', async () => {
    expect(await askTool.execute({ question: 'Which year?', choices: ['2025', '2026'] }, context)).toEqual({
      outcome: 'ok',
      output: 'The user was asked; the run ends here.',
      end: { reason: 'asked', text: 'Which year?' },
    });
  });

  test('complete ends it with the summary', async () => {
    expect(await completeTool.execute({ summary: 'Done: see report.md' }, context)).toEqual({
      outcome: 'ok',
      output: 'The run is completed.',
      end: { reason: 'finished', text: 'Done: see report.md' },
    });
  });

  test('neither takes nothing for an answer', () => {
    expect(askTool.inputSchema.safeParse({ question: ' ' }).success).toBe(false);
    expect(completeTool.inputSchema.safeParse({ summary: '' }).success).toBe(false);
  });
});
