import { continueText } from '../../nudge.ts';
import type { Prompt } from '../client.ts';

/**
 * The answers that the next one goes on where the output limit cut them, oldest first, each by its texts; empty when the
 * next one begins anew. What was quoted where they ended is quoted still.
 */
export function continuedTexts(prompt: Prompt): string[][] {
  const answers: string[][] = [];
  let isGoingOn = false;
  for (const message of prompt.toReversed()) {
    if (message.role === 'user') {
      isGoingOn ||= message.content.some((part) => part.type === 'text' && part.text === continueText);
      continue;
    }
    if (message.role !== 'assistant' || !isGoingOn) break;
    answers.unshift(message.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])));
    isGoingOn = false;
  }
  return answers;
}
