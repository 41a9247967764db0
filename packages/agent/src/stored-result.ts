import {
  type Chunk,
  isToolPart,
  type MessagePart,
  type SwitchyardMessage,
  toolNameOf,
} from '@switchyard/protocol';
import type { JSONValue } from 'ai';
import type { Toolset } from './toolset.ts';

/** The result of an earlier call of the thread, whole, as text. */
export interface StoredResult {
  readonly toolName: string;
  readonly text: string;
}

/** Where a thread's calls stand: in its other messages, in this run's steps, in its open step. */
export interface CallSources {
  readonly history: readonly SwitchyardMessage[];
  readonly before: readonly MessagePart[];
  readonly open: readonly Chunk[];
}

/** What the model had read of that call's result, pictures left out; null when the thread has no such result. */
export function findResult(
  { history, before, open }: CallSources,
  { callId, tools }: { readonly callId: string; readonly tools: Toolset },
): StoredResult | null {
  const isTheCall = (part: MessagePart) => isToolPart(part) && part.toolCallId === callId;
  const stored = before.findLast(isTheCall) ?? history.flatMap(({ parts }) => parts).findLast(isTheCall);
  if (stored && isToolPart(stored)) {
    const toolName = toolNameOf(stored);
    if (stored.state === 'output-error') return { toolName, text: stored.errorText };
    if (stored.state !== 'output-available') return null;
    return { toolName, text: textOf(tools, toolName, stored.output as JSONValue) };
  }
  const chunk = open.findLast((part) => 'toolCallId' in part && part.toolCallId === callId);
  const begun = open.find((part) => part.type === 'tool-input-available' && part.toolCallId === callId);
  const toolName = begun?.type === 'tool-input-available' ? begun.toolName : 'unknown';
  if (chunk?.type === 'tool-output-error') return { toolName, text: chunk.errorText };
  if (chunk?.type !== 'tool-output-available') return null;
  return { toolName, text: textOf(tools, toolName, chunk.output as JSONValue) };
}

function textOf({ byName }: Toolset, toolName: string, output: JSONValue): string {
  const parts = byName.get(toolName)?.modelOutput?.(output);
  if (parts) return parts.map((part) => (part.type === 'text' ? part.text : '[picture]')).join('\n');
  return typeof output === 'string' ? output : JSON.stringify(output, null, 2);
}
