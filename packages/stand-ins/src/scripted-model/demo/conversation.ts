import { textOfMessage, type WireMessage, type WireTool } from '../wire.ts';
import type { Outcome } from './action.ts';

/** What the user wants, as the request's messages and tools tell it. */
export interface Task {
  readonly text: string;
  /** Attached files as workspace paths, in the order in which they are named. */
  readonly files: readonly string[];
  readonly toolNames: ReadonlySet<string>;
}

/** The task, and for every answer that was already given the outcomes of its calls. */
export interface Conversation {
  readonly task: Task;
  readonly turns: readonly (readonly Outcome[])[];
}

/** The line by which the prompt names an attached file. */
const attachmentPattern = /^\[Attached file .*: \/workspace\/(uploads\/.+)\]$/gm;

/** A path in running text: up to a blank or to a sign that seldom belongs to a name. */
const mentionPattern = /\/workspace\/(uploads\/[^\s`"'<>|()[\]]*[^\s`"'<>|()[\],.;:])/g;

/** Reads a request: the last user message is the task, every assistant message after it is one answer. */
export function readConversation(messages: readonly WireMessage[], tools: readonly WireTool[]): Conversation {
  const start = messages.findLastIndex((message) => message.role === 'user');
  const asked = messages[start];
  const text = asked ? textOfMessage(asked) : '';
  return {
    task: {
      text: text.replaceAll(attachmentPattern, '').trim(),
      files: filesFor(text, messages.slice(0, Math.max(0, start))),
      toolNames: new Set(tools.flatMap((tool) => (tool.function ? [tool.function.name] : []))),
    },
    turns: readTurns(messages.slice(start + 1)),
  };
}

/** The files that the task names, else, when it speaks of data, those of the conversation before it. */
function filesFor(text: string, earlier: readonly WireMessage[]): string[] {
  const named = filesIn(text);
  if (named.length > 0 || !/\b(files?|csv|tables?|data|columns?|rows?)\b/i.test(text)) return named;
  return filesIn(
    earlier.flatMap((message) => (message.role === 'user' ? [textOfMessage(message)] : [])).join('\n'),
  );
}

function filesIn(text: string): string[] {
  const attached = [...text.matchAll(attachmentPattern)];
  const mentioned = [...text.replaceAll(attachmentPattern, '').matchAll(mentionPattern)];
  return [...new Set([...attached, ...mentioned].map((match) => match[1] ?? ''))];
}

function readTurns(messages: readonly WireMessage[]): Outcome[][] {
  const results = new Map(
    messages.flatMap((message) =>
      message.role === 'tool' && message.tool_call_id !== undefined
        ? [[message.tool_call_id, textOfMessage(message)] as const]
        : [],
    ),
  );
  return messages
    .filter((message) => message.role === 'assistant')
    .map((message) =>
      (message.tool_calls ?? []).map((call) => ({
        name: call.function.name,
        input: parseInput(call.function.arguments),
        ...readResult(results.get(call.id) ?? ''),
      })),
    );
}

function parseInput(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** A result is plain text, or JSON whose strings are its text and whose `exitCode` is the command's. */
function readResult(content: string): { text: string; exitCode: number | null } {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return { text: content, exitCode: exitCodeIn(content) };
  }
  if (typeof value === 'string') return { text: value, exitCode: exitCodeIn(value) };
  if (typeof value !== 'object' || value === null) return { text: content, exitCode: null };
  const exitCode = 'exitCode' in value && typeof value.exitCode === 'number' ? value.exitCode : null;
  for (const name of ['output', 'content', 'text'] as const) {
    const member: unknown = Reflect.get(value, name);
    if (typeof member === 'string') return { text: member, exitCode };
  }
  return { text: stringsIn(value).join('\n'), exitCode };
}

function exitCodeIn(text: string): number | null {
  const match = /exit(?:ed with)? code:? (\d+)/i.exec(text);
  return match ? Number(match[1]) : null;
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsIn);
}
