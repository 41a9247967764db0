import { createHash } from 'node:crypto';
import type { CallParams, PromptMessage } from './client.ts';

/**
 * For the chat wire: Mistral and the templates of its models refuse ids that are not nine letters and digits (error 3280),
 * and nobody else minds them. Made of our ids, so that the same conversation always has the same ones.
 */
export function shortCallIds(params: CallParams): CallParams {
  const known = new Map<string, string>();
  const taken = new Set<string>();
  const shortOf = (id: string) => {
    let short = known.get(id);
    for (let attempt = 0; short === undefined; attempt += 1) {
      const next = shortened(`${id}${attempt === 0 ? '' : attempt}`);
      if (!taken.has(next)) short = next;
    }
    known.set(id, short);
    taken.add(short);
    return short;
  };
  const withShortId = <Part extends object>(part: Part): Part =>
    'toolCallId' in part ? { ...part, toolCallId: shortOf(String(part.toolCallId)) } : part;
  const prompt = params.prompt.map((message): PromptMessage => {
    if (message.role === 'assistant') return { ...message, content: message.content.map(withShortId) };
    if (message.role === 'tool') return { ...message, content: message.content.map(withShortId) };
    return message;
  });
  return { ...params, prompt };
}

/** Far more than nine of a digest's 43 characters are letters and digits. */
function shortened(id: string): string {
  return createHash('sha256').update(id).digest('base64url').replaceAll(/[-_]/g, '').slice(0, 9);
}
