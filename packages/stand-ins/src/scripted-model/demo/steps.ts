import type { Action, DemoCall, Outcome } from './action.ts';

/** A plan whose entries are ticked as the work goes on. */
export interface Plan {
  /** The `todo` call that marks everything before `current` as done and `current` as being worked on. */
  at(current: number): DemoCall;
  /** All ticked. */
  done(): DemoCall;
}

/** The tools refuse more than 500 characters in a todo and 50,000 in a summary; readers want less of both. */
const maxTodoCharacters = 160;
const maxSummaryCharacters = 20_000;

/** A plan for the `todo` tool. */
export function planOf(entries: readonly string[]): Plan {
  const at = (current: number): DemoCall => ({
    name: 'todo',
    input: {
      todos: entries.map((text, index) => ({
        text: text.length > maxTodoCharacters ? `${text.slice(0, maxTodoCharacters - 1)}…` : text,
        status: index < current ? 'done' : index === current ? 'in-progress' : 'open',
      })),
    },
  });
  return { at, done: () => at(entries.length) };
}

export function act(text: string, ...calls: readonly DemoCall[]): Action {
  return { text, calls };
}

export function shell(command: string): DemoCall {
  return { name: 'shell', input: { command } };
}

export function writeFile(path: string, content: string): DemoCall {
  return { name: 'write_file', input: { path, content } };
}

/** Ends the task; `unfinished` says why items of the plan stay open. */
export function complete(
  summary: string,
  {
    attachments = [],
    unfinished,
  }: { readonly attachments?: readonly string[]; readonly unfinished?: string } = {},
): DemoCall {
  return {
    name: 'complete',
    input: {
      summary: summary.slice(0, maxSummaryCharacters).toWellFormed(),
      ...(attachments.length > 0 ? { attachments } : {}),
      ...(unfinished === undefined ? {} : { unfinished }),
    },
  };
}

/** The outcome of the action's call of that tool; an empty one when the conversation has lost it. */
export function outcomeOf(outcomes: readonly Outcome[], name: string): Outcome {
  return outcomes.find((outcome) => outcome.name === name) ?? { name, input: {}, text: '', exitCode: null };
}

/** A word for a POSIX shell, quoted when it has to be. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** True when no command can run here at all, so that trying another one is of no use: it did not even end. */
export function isWithoutSandbox({ name, text, exitCode }: Outcome): boolean {
  return name === 'shell' && exitCode === null && /sandbox/i.test(text);
}
