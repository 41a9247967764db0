import type { DataPart, MessagePart, SwitchyardMessage } from '@switchyard/protocol';
import { stepsOf } from '../steps-of.ts';
import { cutMiddle } from './cut-middle.ts';

type SummaryPart = Extract<DataPart, { type: 'data-summary' }>;

/** Characters of the user's last message that stand beside a summary, word for word; a guess. */
const maxRequestLength = 8000;

/** True for the part that holds a summary of all that came before its step. */
export function isSummary(part: MessagePart): part is SummaryPart {
  return part.type === 'data-summary';
}

/** True when the newest step made a summary: what follows it cannot be made shorter by another one. */
export function endsInSummary(parts: readonly MessagePart[]): boolean {
  return stepsOf(parts).at(-1)?.some(isSummary) ?? false;
}

/**
 * The messages from the last summary on, which stands in the place of all before it, with what the user had asked last.
 * Pure; the stored messages stay.
 */
export function sinceSummary(messages: readonly SwitchyardMessage[]): SwitchyardMessage[] {
  const index = messages.findLastIndex(({ parts }) => parts.some(isSummary));
  const message = messages[index];
  if (!message) return [...messages];
  const steps = stepsOf(message.parts);
  const at = steps.findLastIndex((step) => step.some(isSummary));
  const summary = steps[at]?.find(isSummary);
  const request = messages.slice(0, index).findLast(({ role }) => role === 'user');
  const parts: MessagePart[] = [
    {
      type: 'text',
      text: `To save room, notes stand in the place of the conversation so far. Go on from them; do not begin anew.\n\n${summary?.data.text ?? ''}`,
    },
  ];
  if (request) {
    parts.push({ type: 'text', text: 'The last message of the user before these notes, word for word:' });
    parts.push(
      ...request.parts.map((part) =>
        part.type === 'text' ? { ...part, text: cutMiddle(part.text, maxRequestLength, 0.7) } : part,
      ),
    );
  }
  return [
    { id: `${message.id}-summary`, role: 'user', parts },
    { ...message, parts: steps.slice(at).flat() },
    ...messages.slice(index + 1),
  ];
}
