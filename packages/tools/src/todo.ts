import { defineTool, type ToolContext } from '@switchyard/agent';
import { AppError, type Todo } from '@switchyard/protocol';
import { z } from 'zod';

const maxTodos = 100;
const maxCharacters = 500;
const mirrorPath = 'todo.md';

const inputSchema = z.strictObject({
  todos: z
    .array(
      z.strictObject({
        text: z.string().trim().min(1).max(maxCharacters).describe('What is to be done, in one line.'),
        status: z.enum(['open', 'in-progress', 'done']),
      }),
    )
    .max(maxTodos)
    .describe(`The whole list in order, at most ${maxTodos}; it replaces the former one.`),
});

/** Replaces the list of todos: the last `data-todo` part of the conversation is what counts. */
export const todoTool = defineTool({
  name: 'todo',
  description: `Keeps your plan: give the whole list each time, at most ${maxTodos} items of ${maxCharacters} characters. The user sees it. Set one item to in-progress before you work on it and to done as soon as it is verified. While the sandbox runs the list is also written to /workspace/${mirrorPath}, for reading only: changes there do not count.`,
  inputSchema,
  effect: 'once',
  needs: 'nothing',
  async execute({ todos }, context) {
    const isMirrored = await mirror(todos, context);
    return {
      outcome: 'ok',
      output: `${summarize(todos)}${isMirrored ? '' : ` /workspace/${mirrorPath} could not be written; the plan counts all the same.`}`,
      data: [{ type: 'data-todo', id: context.callId, data: { todos } }],
    };
  },
});

/** False when it was tried in vain. The mirror is a convenience: the run does not depend on it. */
async function mirror(todos: readonly Todo[], context: ToolContext): Promise<boolean> {
  const sandbox = context.runningSandbox();
  if (sandbox === null) return true;
  try {
    await sandbox.writeFile({
      path: mirrorPath,
      bytes: Buffer.from(formatTodos(todos)),
      signal: context.signal,
    });
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** The list as Markdown, as it stands in `todo.md`. */
export function formatTodos(todos: readonly Todo[]): string {
  const marks = { open: ' ', 'in-progress': '~', done: 'x' } as const;
  return ['# Todo', '', ...todos.map(({ text, status }) => `- [${marks[status]}] ${text}`), ''].join('\n');
}

function summarize(todos: readonly Todo[]): string {
  if (todos.length === 0) return 'The plan is empty now.';
  const count = (status: Todo['status']) => todos.filter((todo) => todo.status === status).length;
  const inProgress = count('in-progress');
  const remark = inProgress > 1 ? ' Keep one item in progress at a time.' : '';
  return `Plan saved: ${count('done')} done, ${inProgress} in progress, ${count('open')} open.${remark}`;
}
