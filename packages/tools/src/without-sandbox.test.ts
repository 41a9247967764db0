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
  readResult: () => null,
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
      end: { reason: 'asked' },
    });
  });

  test('complete ends it with the summary', async () => {
    expect(await completeTool.execute({ summary: 'Done: see report.md' }, context)).toEqual({
      outcome: 'ok',
      output: 'The run is completed.',
      end: { reason: 'finished' },
    });
  });

  test('complete is refused while the plan has open items, and says which', async () => {
    const todos = [
      { text: 'Read the data', status: 'done' },
      { text: 'Write the report', status: 'in-progress' },
      { text: 'Check it', status: 'open' },
    ] as const;
    expect(await completeTool.execute({ summary: 'Done.' }, { ...context, readTodos: () => todos }))
      .toMatchInlineSnapshot(`
      {
        "message": "Not ended: these items of your plan are not done.
      - Write the report (in-progress)
      - Check it (open)
      Do them, tick them with todo if they are done, or take them out of the plan if they no longer apply. If they have to stay open, call complete again and say why in unfinished.",
        "outcome": "error",
      }
    `);
  });

  test('a refusal of complete names some of many open items and counts the rest', async () => {
    const todos = Array.from({ length: 100 }, (_, index) => ({
      text: `Item ${index}`,
      status: 'open' as const,
    }));
    const refused = await completeTool.execute({ summary: 'Done.' }, { ...context, readTodos: () => todos });
    const message = refused.outcome === 'error' ? refused.message : '';
    expect(message).toContain('- Item 9 (open)\n- and 90 more\n');
    expect(message).not.toContain('Item 10');
  });

  test('complete ends it with open items when it is said why they stay open, or when all are done', async () => {
    const open = [{ text: 'Send it', status: 'open' }] as const;
    const done = [{ text: 'Send it', status: 'done' }] as const;
    const summary = 'Not sent.';
    for (const [todos, input] of [
      [open, { summary, unfinished: 'There is no network.' }],
      [done, { summary }],
    ] as const) {
      expect(await completeTool.execute(input, { ...context, readTodos: () => todos })).toMatchObject({
        outcome: 'ok',
        end: { reason: 'finished' },
      });
    }
  });

  test('neither takes nothing for an answer', () => {
    expect(askTool.inputSchema.safeParse({ question: ' ' }).success).toBe(false);
    expect(completeTool.inputSchema.safeParse({ summary: '' }).success).toBe(false);
    expect(completeTool.inputSchema.safeParse({ summary: 'a', unfinished: ' ' }).success).toBe(false);
  });
});
