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

/** Up to a line's end or to a sign that no safe file name holds; blanks belong to names. */
const uploadPattern = /\/workspace\/(uploads\/[^\n\r`"'<>|]+)/g;

/** Reads a request: the last user message is the task, every assistant message after it is one answer. */
export function readConversation(messages: readonly WireMessage[], tools: readonly WireTool[]): Conversation {
  const start = messages.findLastIndex((message) => message.role === 'user');
  const asked = start === -1 ? '' : textOfMessage(messages[start] ?? { role: 'user' });
  const system = messages.filter((message) => message.role === 'system' || message.role === 'developer');
  const files = filesIn(asked);
  return {
    task: {
      text: asked,
      files: files.length > 0 ? files : filesIn(system.map(textOfMessage).join('\n')),
      toolNames: new Set(tools.flatMap((tool) => (tool.function ? [tool.function.name] : []))),
    },
    turns: readTurns(messages.slice(start + 1)),
  };
}

function filesIn(text: string): string[] {
  const names = [...text.matchAll(uploadPattern)].map((match) => trimName(match[1] ?? ''));
  return [...new Set(names)];
}

/** A name ends before what usually follows it in a sentence or a list: ` (12 kB)`, `, `, a closing bracket, a full stop. */
function trimName(name: string): string {
  return (name.split(/ \(|, |\)|\]| - /)[0] ?? name).trim().replace(/[.,;:]+$/, '');
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
