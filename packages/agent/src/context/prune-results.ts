import type { MessagePart, SwitchyardMessage } from '@switchyard/protocol';
import type { ModelMessage, ToolModelMessage } from 'ai';
import { lengthOf } from './estimate.ts';

/** Steps whose results stay whole, counted from the newest; a guess: what the model works with right now. */
const wholeSteps = 4;

/** Results up to this many characters stay: the sentence in their place is hardly shorter. */
const shortLength = 500;

/** The results that could be left out now. */
export interface PruneBatch {
  /** The newest of them; all that are older are in the batch, or left out already. */
  readonly upToCallId: string;
  readonly savedCharacters: number;
}

type ToolPart = ToolModelMessage['content'][number];
type ResultPart = Extract<ToolPart, { type: 'tool-result' }>;

/**
 * The old results with the long ones left out, up to the call that was marked last. Pure: the same marks and messages
 * give the same messages, so what is sent changes in jumps and not with each step. A call is never parted from its
 * result: a sentence stands in its place.
 */
export function pruneResults(messages: readonly ModelMessage[], upToCallId: string | null): ModelMessage[] {
  const last =
    upToCallId === null ? -1 : messages.findLastIndex((message) => hasResultOf(message, upToCallId));
  return messages.map((message, index) => {
    if (index > last || message.role !== 'tool') return message;
    return { ...message, content: message.content.map(pruned) };
  });
}

/** What one more batch would leave out of messages that `pruneResults` gave; null when there is nothing. */
export function nextBatch(messages: readonly ModelMessage[]): PruneBatch | null {
  const old = messages
    .filter((message) => message.role === 'tool')
    .slice(0, -wholeSteps)
    .flatMap(({ content }) => content)
    .filter(isPrunable);
  const newest = old.at(-1);
  if (!newest) return null;
  const savedCharacters = old.reduce((sum, part) => sum + lengthOf(part) - lengthOf(pruned(part)), 0);
  return { upToCallId: newest.toolCallId, savedCharacters };
}

/** The call up to which results were marked as left out, as the last mark in a conversation has it. */
export function lastPruned(
  history: readonly SwitchyardMessage[],
  own: readonly MessagePart[],
): string | null {
  for (const parts of [own, ...history.map((message) => message.parts).toReversed()]) {
    const mark = parts.findLast((part) => part.type === 'data-pruned');
    if (mark?.type === 'data-pruned') return mark.data.upToCallId;
  }
  return null;
}

function hasResultOf(message: ModelMessage, callId: string): boolean {
  return (
    message.role === 'tool' && message.content.some((part) => isResult(part) && part.toolCallId === callId)
  );
}

function isResult(part: ToolPart): part is ResultPart {
  return part.type === 'tool-result';
}

/** A sentence in a result's place is short, so nothing is left out twice. */
function isPrunable(part: ToolPart): part is ResultPart {
  return isResult(part) && part.output.type !== 'execution-denied' && lengthOf(part.output) > shortLength;
}

function pruned(part: ToolPart): ToolPart {
  if (!isPrunable(part)) return part;
  const isError = part.output.type === 'error-text' || part.output.type === 'error-json';
  return { ...part, output: { type: isError ? 'error-text' : 'text', value: sentenceFor(part) } };
}

function sentenceFor({ toolName, toolCallId, output }: ResultPart): string {
  const hasPictures = output.type === 'content' && output.value.some(({ type }) => type !== 'text');
  const promise = hasPictures ? 'gives its text back, without its pictures' : 'gives it back';
  return `[This result of ${toolName} was left out to save room. expand_result with callId "${toolCallId}" ${promise}.]`;
}
