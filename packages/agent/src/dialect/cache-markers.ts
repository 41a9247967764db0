import type { CallParams, PromptMessage } from './client.ts';

const marker = { anthropic: { cacheControl: { type: 'ephemeral' } } };

/**
 * Marks what Anthropic is to cache: the system prompt with the tools before it, the newest message, and the one that was
 * the newest a request ago, where the cache that is read was written. Three of the four marks that a request may have.
 */
export function markForCache(params: CallParams): CallParams {
  const { prompt } = params;
  const marked = new Set([
    prompt.findLastIndex(({ role }) => role === 'system'),
    ...indicesOf(prompt, ({ role }) => role === 'user' || role === 'tool').slice(-2),
  ]);
  return { ...params, prompt: prompt.map((message, index) => (marked.has(index) ? mark(message) : message)) };
}

function mark(message: PromptMessage): PromptMessage {
  return { ...message, providerOptions: { ...message.providerOptions, ...marker } };
}

function indicesOf<Value>(values: readonly Value[], test: (value: Value) => boolean): number[] {
  return values.flatMap((value, index) => (test(value) ? [index] : []));
}
