import type { CallParams, PromptMessage } from './client.ts';

type UserPart = Extract<PromptMessage, { role: 'user' }>['content'][number];
type AssistantPart = Extract<PromptMessage, { role: 'assistant' }>['content'][number];

/** What keeps apart texts that were said one after the other. */
const gap = '\n\n';

/**
 * For the chat wire: the templates of some models, Mistral's and Gemma's among them, refuse two messages of a person or
 * two answers in a row, as a run that failed or was continued leaves them. Those that follow each other become one.
 */
export function alternatingRoles(params: CallParams): CallParams {
  const prompt: PromptMessage[] = [];
  for (const message of params.prompt) {
    const last = prompt.at(-1);
    const both = last === undefined ? null : joined(last, message);
    if (both === null) prompt.push(message);
    else prompt[prompt.length - 1] = both;
  }
  return { ...params, prompt };
}

/** Both as one message; null when they are to stay two. */
function joined(first: PromptMessage, second: PromptMessage): PromptMessage | null {
  if (first.role === 'user' && second.role === 'user') {
    return { ...first, content: withJoinedTexts([...first.content, ...second.content]) };
  }
  if (first.role !== 'assistant' || second.role !== 'assistant') return null;
  // Its results have to follow a call.
  if (first.content.some(({ type }) => type === 'tool-call')) return null;
  return { ...first, content: [...first.content, ...behind(first.content, second.content)] };
}

/** Texts that follow each other are one: some servers take one text alone. */
function withJoinedTexts(parts: readonly UserPart[]): UserPart[] {
  const whole: UserPart[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (part.type === 'text' && last?.type === 'text') {
      whole[whole.length - 1] = { ...last, text: `${last.text}${gap}${part.text}` };
    } else whole.push(part);
  }
  return whole;
}

/** The client makes one text of all texts of an answer, and one of all that it thought, with nothing between them. */
function behind(before: readonly AssistantPart[], parts: readonly AssistantPart[]): AssistantPart[] {
  const open = new Set(before.map(({ type }) => type));
  return parts.map((part) => {
    if ((part.type !== 'text' && part.type !== 'reasoning') || !open.delete(part.type)) return part;
    return { ...part, text: `${gap}${part.text}` };
  });
}
