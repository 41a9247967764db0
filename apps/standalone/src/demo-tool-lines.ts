import { harmless } from './demo-terminal.ts';

/** What a call is about, in a few words: the command, the path, the question. */
export function describeCall(toolName: string, input: unknown): string {
  const given = membersOf(input);
  const text = (name: string) => (typeof given[name] === 'string' ? harmless(given[name]) : '');
  switch (toolName) {
    case 'shell':
      return text('command');
    case 'write_file':
      return `${text('path')} (${countLines(text('content'))} lines)`;
    case 'ask':
      return text('question');
    case 'complete':
      return '';
    default:
      return text('path') === '' ? harmless(JSON.stringify(input) ?? '') : text('path');
  }
}

/** How a call ended, in a few words; whether its result reads as a failure. */
export function describeResult(output: unknown): { readonly text: string; readonly isFailure: boolean } {
  const result = membersOf(output);
  if (typeof result.exitCode === 'number') {
    return { text: `exit code ${result.exitCode}`, isFailure: result.exitCode !== 0 };
  }
  if (result.timedOut === true) return { text: 'timed out', isFailure: true };
  if (typeof result.outcome === 'string' && typeof result.bytes === 'number') {
    return { text: `${harmless(result.outcome)}, ${result.bytes} bytes`, isFailure: false };
  }
  if (typeof result.replacements === 'number') {
    return { text: `${result.replacements} replaced`, isFailure: false };
  }
  const [first = '', ...others] = textOfResult(output).trim().split('\n');
  // Tools that answer with a listing say in brackets what it is.
  const title = /^\[(.*)\]$/.exec(first)?.[1];
  return { text: title ?? (others.length > 0 ? `${others.length + 1} lines` : first), isFailure: false };
}

/** The result's own text, for a call that showed nothing while it ran. */
export function textOfResult(output: unknown): string {
  if (typeof output === 'string') return harmless(output);
  return harmless(firstText(membersOf(output)));
}

function firstText(members: Readonly<Record<string, unknown>>): string {
  for (const name of ['output', 'content', 'text', 'message']) {
    const member = members[name];
    if (typeof member === 'string') return member;
  }
  return '';
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}
