import type { CallParams, PromptMessage } from './client.ts';

type AssistantMessage = Extract<PromptMessage, { role: 'assistant' }>;
type AssistantPart = AssistantMessage['content'][number];
type ReasoningPart = Extract<AssistantPart, { type: 'reasoning' }>;

/** For servers that refuse reasoning which comes back, or have no use for it. */
export function droppedReasoning(params: CallParams): CallParams {
  return changed(params, (parts) => parts.filter((part) => part.type !== 'reasoning'));
}

/**
 * For OpenAI, which keeps nothing: a reasoning item goes back whole and sealed, in front of what was made of it, or not at
 * all. An answer that was cut may have left one without its seal, or without anything behind it.
 */
export function sealedReasoning(params: CallParams): CallParams {
  return changed(params, (parts) => {
    const sealed = new Set(
      parts.flatMap((part) => (part.type === 'reasoning' && sealOf(part) !== null ? [itemIdOf(part)] : [])),
    );
    const last = parts.findLastIndex((part) => part.type !== 'reasoning');
    return parts.filter(
      (part, index) => part.type !== 'reasoning' || (index < last && sealed.has(itemIdOf(part))),
    );
  });
}

function itemIdOf(part: ReasoningPart): unknown {
  return part.providerOptions?.['openai']?.['itemId'];
}

function sealOf(part: ReasoningPart): unknown {
  return part.providerOptions?.['openai']?.['reasoningEncryptedContent'] ?? null;
}

/**
 * For Anthropic, which refuses an answer that ends with thinking: what was thought of an answer that never came is left
 * out, and so is an answer that had nothing else.
 */
export function followedThinking(params: CallParams): CallParams {
  return changed(params, (parts) =>
    parts.slice(0, parts.findLastIndex(({ type }) => type !== 'reasoning') + 1),
  );
}

/**
 * For Anthropic, which refuses to think on after calls that it did not plan itself: what another model called while this
 * one was overloaded has no thinking before it. It thinks again once it has answered.
 */
export function thinkingAllowed(params: CallParams): CallParams {
  const last = params.prompt.findLast((message) => message.role === 'assistant');
  const hasCalls = last?.content.some((part) => part.type === 'tool-call') === true;
  const [first] = last?.content ?? [];
  const isSigned =
    first?.type === 'reasoning' &&
    (first.providerOptions?.['anthropic']?.['signature'] ??
      first.providerOptions?.['anthropic']?.['redactedData']) != null;
  if (!hasCalls || isSigned) return params;
  const { anthropic } = params.providerOptions ?? {};
  const providerOptions = {
    ...params.providerOptions,
    anthropic: { ...anthropic, thinking: { type: 'disabled' } },
  };
  return { ...params, providerOptions };
}

function changed(params: CallParams, change: (parts: AssistantPart[]) => AssistantPart[]): CallParams {
  const prompt = params.prompt.flatMap((message): PromptMessage[] => {
    if (message.role !== 'assistant') return [message];
    const content = change(message.content);
    return content.length === 0 ? [] : [{ ...message, content }];
  });
  return { ...params, prompt };
}
